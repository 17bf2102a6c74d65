from dataclasses import replace

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.kernels.clustering import unit_rows
from rayal.kernels.fisher_design import greedy_design
from rayal.kernels.multinomial_design import greedy_multinomial_design
from rayal.registry import STRATEGIES
from rayal.strategies.bait import bait
from rayal.strategies.optimal_design import optimal_design


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(known: list[int], sure: list[int] | None = None) -> Pool:
    features, hidden = (rng(i).normal(size=(40, 6)).astype(np.float32) for i in range(2))
    probs = rng(2).dirichlet([1, 1, 1], 40).astype(np.float32)
    probs[sure or []] = [1, 0, 0]
    labels = np.full(40, UNLABELED)
    labels[known] = 0
    said = Predictions(probs, lambda: probs, penultimate_features=lambda: hidden)
    return Pool(features, labels, 3, predictions=said)


def test_the_information_is_that_of_the_most_probable_class_against_the_rest() -> None:
    given = pool([3, 8])
    top = given.probs.max(axis=1).astype(np.float64)
    expected = greedy_design(given.penultimate_features, top * (1 - top), given.labeled, 5, ridge=2)
    assert np.array_equal(bait(given, 5, rng(), ridge=2.0), expected)


def test_the_multinomial_likelihood_reads_all_probabilities() -> None:
    given = pool([3, 8])
    probs = given.probs.astype(np.float64)
    expected = greedy_multinomial_design(given.penultimate_features, probs, given.labeled, 5)
    assert np.array_equal(bait(given, 5, rng(), likelihood="multinomial"), expected)


@pytest.mark.parametrize("likelihood", ["binary", "multinomial"])
def test_images_that_are_sure_are_drawn_when_no_others_are_left(likelihood) -> None:
    given = pool([0], sure=[*range(1, 38)])
    first, second = (bait(given, 6, rng(i), likelihood=likelihood) for i in range(2))
    assert set(first[:2]) == set(second[:2]) == {38, 39}
    assert set(first[2:]) != set(second[2:])


def test_numbers_that_are_none_are_refused() -> None:
    given = pool([0])
    given.penultimate_features[4, 1] = np.nan
    with pytest.raises(ValueError, match=r"what the last layer sees must be finite.*row 4"):
        bait(given, 2, rng())


def test_the_optimal_design_is_bait_on_undecided_images() -> None:
    given = replace(pool([]), predictions=None)
    expected = greedy_design(unit_rows(given.features), np.full(40, 0.25), given.labeled, 7)
    assert np.array_equal(optimal_design(given, 7, rng()), expected)
    longer = replace(given, features=given.features * np.float32(8))
    assert np.array_equal(optimal_design(longer, 7, rng(1)), expected)
    assert not np.array_equal(optimal_design(longer, 7, rng(), normalize=False), expected)


def test_the_optimal_design_may_be_a_first_query_and_goes_on_from_labels() -> None:
    component = STRATEGIES.find("optimal_design")
    assert component.traits.needs(component.bind({})) == set()
    first = optimal_design(pool([]), 5, rng())
    later = optimal_design(pool(first.tolist()), 5, rng())
    assert not set(first) & set(later)


def test_images_without_features_are_drawn_last() -> None:
    given = pool([])
    features = given.features.copy()
    features[:36] = 0
    chosen = optimal_design(replace(given, features=features), 6, rng())
    assert set(chosen[:4]) == {36, 37, 38, 39}
