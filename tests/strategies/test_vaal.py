from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rayal.contracts import UNLABELED, Pool
from rayal.kernels import discriminator, released_vaal
from rayal.registry import STRATEGIES
from rayal.strategies.vaal import vaal

QUICK: dict[str, Any] = {"epochs": 2, "updates": 1, "batch_size": 32}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(images: np.ndarray | None, labels: np.ndarray) -> Pool:
    return Pool(np.zeros((len(labels), 1), np.float32), labels, 10, images=images)


def digits(n: int, seed: int = 0) -> tuple[Pool, np.ndarray]:
    """Half of the digits 0 to 4 have a label; returned with which are of the other kind."""
    pictures, truth = load_digits(return_X_y=True)
    some = rng(seed).permutation(len(truth))[:n]
    truth = truth[some]
    known = np.flatnonzero(truth < 5)[::2]
    labels = np.full(n, UNLABELED)
    labels[known] = truth[known]
    images = np.round(pictures[some].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    return pool(images, labels), truth >= 5


@pytest.mark.slow
def test_most_of_the_chosen_are_of_a_kind_without_labels() -> None:
    given, other_kind = digits(300)
    chosen = vaal(given, 60, rng(), epochs=30, batch_size=64)
    assert other_kind[given.unlabeled].mean() <= 0.7
    assert other_kind[chosen].mean() > 0.85


def test_the_least_probably_labeled_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    given, _ = digits(40)
    likely = rng(1).random(len(given.unlabeled))
    monkeypatch.setattr(discriminator, "probability_of_label", lambda *_: likely)
    expected = given.unlabeled[np.argsort(likely)]
    assert vaal(given, 12, rng()).tolist() == expected[:12].tolist()
    assert vaal(given, len(expected), rng()).tolist() == expected.tolist()


def test_equal_scores_do_not_follow_the_storage_order(monkeypatch: pytest.MonkeyPatch) -> None:
    given, _ = digits(100)
    same = np.full(len(given.unlabeled), 0.5)
    monkeypatch.setattr(discriminator, "probability_of_label", lambda *_: same)
    assert (vaal(given, 30, rng()) >= 50).sum() > 5


def test_the_same_generator_repeats_the_choice_and_another_changes_it() -> None:
    given, _ = digits(60)
    first = vaal(given, 20, rng(), **QUICK)
    assert np.array_equal(vaal(given, 20, rng(), **QUICK), first)
    assert not np.array_equal(vaal(given, 20, rng(1), **QUICK), first)


def test_the_released_recipe_chooses_by_the_released_networks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, _ = digits(60)
    monkeypatch.setattr(released_vaal, "_WIDTHS", (4, 6, 8, 10))
    chosen = vaal(given, 20, rng(), recipe="released", **QUICK)
    assert np.array_equal(vaal(given, 20, rng(), recipe="released", **QUICK), chosen)
    assert set(chosen) <= set(given.unlabeled)
    assert not np.array_equal(vaal(given, 20, rng(), **QUICK), chosen)


def test_trials_without_a_recipe_keep_their_ids() -> None:
    component = STRATEGIES.find("vaal")
    assert "recipe" not in component.bind({})
    assert component.bind({"recipe": "small"}) == component.bind({})
    assert component.bind({"recipe": "released"}) == {**component.bind({}), "recipe": "released"}


def test_labels_count_by_their_presence_alone() -> None:
    given, _ = digits(60)
    assert given.images is not None
    swapped = np.where(given.labels == UNLABELED, UNLABELED, 9 - given.labels)
    again = vaal(pool(given.images, swapped), 20, rng(), **QUICK)
    assert np.array_equal(again, vaal(given, 20, rng(), **QUICK))


def test_read_only_and_strided_images_give_the_same_choice() -> None:
    given, _ = digits(60)
    assert given.images is not None
    strided = np.repeat(given.images, 2, axis=2)[:, :, ::2]
    strided.flags.writeable = False
    assert not strided.flags.c_contiguous
    again = vaal(pool(strided, given.labels), 20, rng(), **QUICK)
    assert np.array_equal(again, vaal(given, 20, rng(), **QUICK))


def test_no_label_is_refused_with_the_way_out() -> None:
    given, _ = digits(30)
    blind = pool(given.images, np.full(30, UNLABELED))
    with pytest.raises(ValueError, match="no image has a label; make the first query with another"):
        vaal(blind, 3, rng())


def test_a_pool_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="vaal reads the images"):
        vaal(pool(None, np.array([0, UNLABELED])), 1, rng())


def test_what_it_reads_is_declared() -> None:
    component = STRATEGIES.find("vaal")
    assert component.traits.needs(component.bind({})) == {"images", "labels"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("updates", 0), ("latent", 0), ("lr", 0.0), ("beta", -1.0),
     ("adversary", float("nan")), ("batch_size", 0), ("recipe", "official")],
)  # fmt: skip
def test_bad_parameters_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"'vaal': {name}=.* is refused"):
        STRATEGIES.find("vaal").bind({name: value})
