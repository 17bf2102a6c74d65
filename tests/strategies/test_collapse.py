import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Indices, Pool
from rayal.strategies._collapse import choose_collapsed
from rayal.strategies.kmeans import kmeans
from rayal.strategies.maxherding import maxherding
from rayal.strategies.probcover import probcover
from rayal.strategies.typiclust import typiclust

DENSITY = {
    "typiclust": typiclust,
    "kmeans": kmeans,
    "probcover": partial(probcover, delta=0.4),
    "maxherding": maxherding,
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(known: list[int]) -> Pool:
    """A scan of 20 near-identical slices, and 30 images that are all different."""
    slices = np.eye(8)[0] + 0.01 * rng(1).normal(size=(20, 8))
    features = np.concatenate([slices, rng(2).normal(size=(30, 8))]).astype(np.float32)
    labels = np.full(50, UNLABELED)
    labels[known] = 1
    return Pool(features, labels, 2)


def first_left(pool: Pool, budget: int) -> Indices:
    return pool.unlabeled[:budget]


@pytest.mark.parametrize("name", DENSITY)
def test_a_bundle_is_asked_about_once(name: str) -> None:
    chosen = DENSITY[name](pool([]), 20, rng(), collapse=0.98)
    assert np.sum(chosen < 20) == 1


def test_without_it_a_bundle_is_asked_about_again_and_again() -> None:
    assert np.sum(typiclust(pool([]), 20, rng()) < 20) > 1


@pytest.mark.parametrize("name", DENSITY)
def test_a_bundle_with_a_label_is_not_asked_about(name: str) -> None:
    assert (DENSITY[name](pool([7, 30]), 20, rng(), collapse=0.98) >= 20).all()


@pytest.mark.parametrize("name", DENSITY)
def test_where_nothing_is_near_the_choice_is_that_without(name: str) -> None:
    given = replace(pool([]), features=pool([]).features[20:], labels=pool([]).labels[20:])
    plain = DENSITY[name](given, 9, rng())
    assert np.array_equal(DENSITY[name](given, 9, rng(), collapse=0.9999), plain)


def test_a_budget_above_the_number_of_bundles_is_filled_by_chance() -> None:
    given = pool([20])
    chosen = choose_collapsed(given, 49, rng(), 0.98, first_left)
    assert sorted(chosen) == given.unlabeled.tolist()
    others = choose_collapsed(given, 49, rng(1), 0.98, first_left)
    assert np.array_equal(chosen[:30], others[:30])
    assert not np.array_equal(chosen[30:], others[30:])


def test_all_bundles_may_have_a_label() -> None:
    given = pool([3])
    slices = replace(given, features=given.features[:20], labels=given.labels[:20])
    with pytest.warns(UserWarning, match="19 of 20 images are near-identical to others"):
        chosen = choose_collapsed(slices, 4, rng(), 0.98, first_left)
    assert len(set(chosen)) == 4
    assert 3 not in chosen


@pytest.mark.parametrize(("near", "told"), [(19, 0), (20, 1)])
def test_features_on_which_nearly_all_images_are_near_identical_are_named(
    near: int, told: int
) -> None:
    features = np.concatenate([pool([]).features[:near], np.eye(8)[1:6]]).astype(np.float32)
    given = Pool(features, np.full(len(features), UNLABELED), 2)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        choose_collapsed(given, 4, rng(), 0.98, first_left)
    texts = [str(each.message) for each in warned]
    assert len(texts) == told
    assert all("remaining 6 are chosen from" in text for text in texts)
