import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool
from rayal.kernels import clustering
from rayal.strategies.random import random
from rayal.strategies.uniform import uniform


def pool(truth: np.ndarray, known: list[int] | None = None) -> Pool:
    labels = np.full(len(truth), UNLABELED)
    labels[known or []] = truth[known or []]
    features = np.zeros((len(truth), 2), dtype=np.float32)
    return Pool(features, labels, int(truth.max()) + 1, true_labels=truth)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


LONG_TAIL = np.repeat([0, 1, 2, 3], [500, 60, 9, 2])


def test_random_budgets_nest() -> None:
    large = random(pool(LONG_TAIL), 300, rng())
    assert np.array_equal(random(pool(LONG_TAIL), 20, rng()), large[:20])


def test_random_chooses_each_image_equally_often() -> None:
    images = pool(np.arange(20) % 2, known=[0, 1])
    counts = np.zeros(20)
    for seed in range(2000):
        counts[random(images, 9, rng(seed))] += 1
    # 1000 expected each; the standard deviation is sqrt(2000 / 4) = 22.
    assert counts[:2].tolist() == [0, 0]
    assert np.abs(counts[2:] - 1000).max() < 100


@pytest.mark.parametrize("seed", range(10))
def test_covering_draws_hold_every_class(seed: int) -> None:
    chosen = random(pool(LONG_TAIL), 40, rng(seed), cover_classes=True)
    assert set(LONG_TAIL[chosen]) == {0, 1, 2, 3}


def test_plain_draws_miss_classes() -> None:
    missed = [len(set(LONG_TAIL[random(pool(LONG_TAIL), 40, rng(s))])) < 4 for s in range(10)]
    assert any(missed)


def test_covering_draws_ask_only_for_classes_that_have_no_label() -> None:
    assert len(random(pool(LONG_TAIL, known=[0, 500, 560, 569]), 1, rng(), cover_classes=True)) == 1


def test_a_budget_that_cannot_cover_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="3 classes have no label, and a budget of 2 cannot"):
        random(pool(LONG_TAIL, known=[0]), 2, rng(), cover_classes=True)


def test_covering_gives_up_after_many_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayal.strategies.random.DRAWS", 3)
    rare = np.repeat([0, 1], [100_000, 1])
    with pytest.raises(ValueError, match="none of 3 draws of 2 images covered the 2 classes"):
        random(pool(rare), 2, rng(), cover_classes=True)


def class_counts(budget: int, seed: int = 0) -> list[int]:
    chosen = uniform(pool(LONG_TAIL), budget, rng(seed))
    return list(np.bincount(LONG_TAIL[chosen], minlength=4))


def test_uniform_takes_equal_numbers_of_each_class() -> None:
    assert class_counts(8) == [2, 2, 2, 2]


def test_uniform_refills_what_small_classes_lack_from_the_others() -> None:
    assert class_counts(40) == [15, 14, 9, 2] or class_counts(40) == [14, 15, 9, 2]
    assert class_counts(571) == [500, 60, 9, 2]


def test_uniform_gives_the_remainder_to_different_classes_by_seed() -> None:
    larger = {int(np.argmax(class_counts(5, seed))) for seed in range(40)}
    assert larger == {0, 1, 2, 3}


def test_uniform_says_that_it_needs_the_truth() -> None:
    blind = Pool(np.zeros((3, 1), np.float32), np.full(3, UNLABELED), 2)
    with pytest.raises(ValueError, match="reads the true labels"):
        uniform(blind, 1, rng())


def stratified(
    monkeypatch: pytest.MonkeyPatch, clusters: np.ndarray, budget: int, known: int, draws: int
) -> np.ndarray:
    """Draws (n, B) from given clusters, of which the first `known` images have labels."""
    monkeypatch.setattr(clustering, "kmeans", lambda *_: (clusters, np.zeros((3, 2))))
    images = pool(clusters, known=list(range(known)))
    return np.array([random(images, budget, rng(seed), stratify=3) for seed in range(draws)])


def test_stratified_draws_give_each_cluster_its_share_and_each_of_its_images_the_same_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clusters of 12, 6 and 1 images: of 7 the third gives its one and the others 3 each."""
    clusters = np.repeat([0, 1, 2], [12, 6, 1])
    chosen = stratified(monkeypatch, clusters, 8, 0, 2000)
    counts = np.array([np.bincount(clusters[draw[:7]], minlength=3) for draw in chosen])
    assert np.array_equal(counts, np.broadcast_to([3, 3, 1], counts.shape))
    last = clusters[chosen[:, 7]]  # of either large cluster by chance
    assert last.mean() == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / 2000))
    share = np.bincount(chosen[:, :7].ravel(), minlength=19) / 2000
    assert np.abs(share - np.repeat([1 / 4, 1 / 2, 1], [12, 6, 1])).max() < 5 * np.sqrt(0.25 / 2000)


def test_strata_without_an_image_left_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    [chosen] = stratified(monkeypatch, np.repeat([0, 1, 2], 4), 8, 4, 1)
    assert sorted(chosen) == list(range(4, 12))
    assert sorted(chosen[:2] // 4) == [1, 2]
