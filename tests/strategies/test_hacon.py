import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest

from rayal.contracts import UNLABELED, DatasetMap, Pool
from rayal.registry import STRATEGIES
from rayal.strategies.hacon import hacon

SIZES = [12, 8, 4]
BLOB = np.repeat(np.arange(3), SIZES)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(known: list[int] | None = None) -> Pool:
    """Three blobs; confidence and variability differ at two temperatures."""
    draw = rng(5)
    n = len(BLOB)
    labels = np.full(n, UNLABELED)
    labels[known or []] = 0
    features = (30 * np.eye(3)[BLOB] + draw.normal(size=(n, 3))).astype(np.float32)
    confidence = {tau: draw.random(n, dtype=np.float32) for tau in (0.05, 0.001)}
    variability = {tau: draw.random(n, dtype=np.float32) for tau in (0.05, 0.001)}
    count = np.ones(n, dtype=np.int64)
    images = draw.integers(256, size=(n, 2, 2, 1), dtype=np.uint8)
    return Pool(features, labels, 2, images=images, map=DatasetMap(confidence, variability, count))


def table(pool: Pool) -> DatasetMap:
    assert pool.map is not None
    return pool.map


def of_blob(chosen: np.ndarray, blob: int) -> list[int]:
    return [int(i) for i in chosen if BLOB[i] == blob]


def sorted_members(keys: np.ndarray, blob: int) -> list[int]:
    members = np.flatnonzero(blob == BLOB)
    return [int(i) for i in members[np.argsort(keys[members])]]


@pytest.mark.parametrize("budget", [3, 6, 12])
def test_each_cluster_gives_its_b_over_k_least_confident_images(budget: int) -> None:
    """Algorithm 1, where K divides B."""
    images = pool()
    chosen = hacon(images, budget, rng(), k=3)
    for blob in range(3):
        hardest = sorted_members(table(images).confidence[0.05], blob)[: budget // 3]
        assert of_blob(chosen, blob) == hardest


@pytest.mark.parametrize(
    ("order", "tau"),
    [("easy_to_contrast", 0.05), ("ambiguous", 0.05), ("hard_to_contrast", 0.001)],
)
def test_the_orders_read_their_column_of_the_map(order: Any, tau: float) -> None:
    images = pool()
    keys = {
        "easy_to_contrast": -table(images).confidence[tau],
        "ambiguous": -table(images).variability[tau],
        "hard_to_contrast": table(images).confidence[tau],
    }[order]
    chosen = hacon(images, 24, rng(), k=3, order=order, tau=tau)
    for blob in range(3):
        assert of_blob(chosen, blob) == sorted_members(keys, blob)


def test_the_order_centroid_needs_no_map_and_ascends_from_the_centers() -> None:
    images = dataclasses.replace(pool(), map=None)
    chosen = hacon(images, 24, rng(), k=3, order="centroid")
    for blob in range(3):
        center = images.features[blob == BLOB].mean(axis=0)
        away = np.linalg.norm(images.features - center, axis=1)
        assert of_blob(chosen, blob) == sorted_members(away, blob)


def test_without_clusters_the_least_confident_of_all_come_first() -> None:
    images = pool()
    chosen = hacon(images, 9, rng(), cluster="none")
    assert chosen.tolist() == np.argsort(table(images).confidence[0.05])[:9].tolist()


def test_pixels_are_clustered_where_asked_for() -> None:
    images = pool()
    assert images.images is not None
    flat = dataclasses.replace(images, features=images.images.reshape(24, 4).astype(np.float32))
    on_pixels = hacon(images, 10, rng(), k=3, cluster="pixels")
    assert np.array_equal(on_pixels, hacon(flat, 10, rng(), k=3))
    assert not np.array_equal(on_pixels, hacon(images, 10, rng(), k=3))


def test_budgets_nest() -> None:
    whole = hacon(pool(), 24, rng(), k=3)
    for budget in range(1, 24):
        assert np.array_equal(hacon(pool(), budget, rng(), k=3), whole[:budget])


def test_a_second_query_goes_on_where_the_first_ended() -> None:
    whole = hacon(pool(), 24, rng(), k=3)
    known = whole[:7].tolist()
    assert np.array_equal(hacon(pool(known), 17, rng(), k=3), whole[7:])


def test_k_budget_makes_as_many_clusters_as_images_asked_for() -> None:
    assert np.array_equal(hacon(pool(), 3, rng(), k="budget"), hacon(pool(), 3, rng(), k=3))


def test_the_clusters_turns_are_shuffled() -> None:
    first = {int(BLOB[hacon(pool(), 1, rng(seed), k=3)][0]) for seed in range(20)}
    assert first == {0, 1, 2}


def test_what_is_needed_follows_from_the_parameters() -> None:
    needs = STRATEGIES.find("hacon").traits.needs
    bind = STRATEGIES.find("hacon").bind
    assert needs(bind({})) == {"map"}
    assert needs(bind({"order": "centroid"})) == set()
    assert needs(bind({"cluster": "pixels"})) == {"map", "images"}


def test_a_missing_map_or_temperature_is_named() -> None:
    with pytest.raises(ValueError, match="hard_to_contrast reads the dataset map"):
        hacon(dataclasses.replace(pool(), map=None), 2, rng())
    with pytest.raises(ValueError, match=r"no temperature tau=0\.5; it has 0\.05, 0\.001"):
        hacon(pool(), 2, rng(), tau=0.5)
    with pytest.raises(ValueError, match="pixels reads the images"):
        hacon(dataclasses.replace(pool(), images=None), 2, rng(), cluster="pixels")


def test_as_many_equal_images_as_are_asked_for_are_no_tie() -> None:
    with_map = pool()
    confidence = table(with_map).confidence[0.05].copy()
    confidence[[3, 20]] = 0
    known = dataclasses.replace(table(with_map), confidence={0.05: confidence})
    tied = dataclasses.replace(with_map, map=known)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(hacon(tied, 2, rng(), k=1)) == {3, 20}
    with pytest.warns(UserWarning, match="2 of 24 images are equally first"):
        hacon(tied, 1, rng(), k=1)


@pytest.mark.parametrize("order", ["hard_to_contrast", "ambiguous"])
def test_images_of_equal_confidence_follow_by_chance_and_not_by_position(order: Any) -> None:
    with_map = pool()
    N = len(with_map.features)
    same = {tau: np.zeros(N, np.float32) for tau in table(with_map).confidence}
    equal = dataclasses.replace(table(with_map), confidence=same, variability=same)
    flat = dataclasses.replace(with_map, map=equal)
    with pytest.warns(UserWarning, match=f"24 of 24 images are equally first by order: {order}"):
        chosen = [hacon(flat, 6, rng(seed), k=1, order=order) for seed in range(20)]
    assert np.mean(chosen) == pytest.approx((N - 1) / 2, abs=N / 6)
    assert len({tuple(one) for one in chosen}) == 20
