from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.strategies.entropy import entropy
from rayal.strategies.least_confidence import least_confidence
from rayal.strategies.margin import margin

ALL = (entropy, margin, least_confidence)


def pool(probs: Any, known: list[int] | None = None) -> Pool:
    table = np.asarray(probs, dtype=np.float32)
    labels = np.full(len(table), UNLABELED)
    labels[known or []] = 0
    features = np.zeros((len(table), 1), dtype=np.float32)
    predictions = Predictions(table[:0], lambda: table)
    return Pool(features, labels, table.shape[1], predictions=predictions)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_three_scores_disagree_where_their_definitions_do() -> None:
    probs = [
        [0.50, 0.49, 0.01],  # smallest margin
        [0.46, 0.27, 0.27],  # highest entropy, lowest top probability
        [1.00, 0.00, 0.00],
        [0.47, 0.46, 0.07],
    ]
    assert entropy(pool(probs), 4, rng()).tolist() == [1, 3, 0, 2]
    assert margin(pool(probs), 4, rng()).tolist() == [0, 3, 1, 2]
    assert least_confidence(pool(probs), 4, rng()).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("strategy", ALL)
def test_saturated_rows_come_last_and_are_not_lost(strategy: Callable[..., np.ndarray]) -> None:
    probs = [[0, 1, 0], [0.6, 0.4, 0], [1, 0, 0], [0.5, 0.5, 0]]
    assert strategy(pool(probs), 4, rng())[:2].tolist() == [3, 1]


@pytest.mark.parametrize("strategy", ALL)
def test_labeled_images_are_passed_over_and_budgets_nest(
    strategy: Callable[..., np.ndarray],
) -> None:
    probs = rng(1).dirichlet(np.ones(4), size=30)
    ranking = strategy(pool(probs), 30, rng()).tolist()
    known = ranking[:3] + ranking[10:12]
    expected = [i for i in ranking if i not in known]
    assert strategy(pool(probs, known), 25, rng()).tolist() == expected
    assert strategy(pool(probs, known), 6, rng()).tolist() == expected[:6]


@pytest.mark.parametrize("strategy", ALL)
def test_equal_scores_do_not_follow_the_storage_order(strategy: Callable[..., np.ndarray]) -> None:
    one_hot = np.eye(2)[np.zeros(100, dtype=int)]
    chosen = strategy(pool(one_hot), 50, rng())
    assert (chosen >= 50).sum() > 10


@pytest.mark.parametrize("strategy", ALL)
def test_probabilities_that_are_not_finite_are_refused(strategy: Callable[..., np.ndarray]) -> None:
    probs = [[0.5, 0.5], [np.nan, 0.5]]
    with pytest.raises(ValueError, match="predicted probabilities must be finite, but 1 of 2"):
        strategy(pool(probs), 1, rng())


@pytest.mark.parametrize("strategy", ALL)
def test_no_predictions_are_asked_for_clearly(strategy: Callable[..., np.ndarray]) -> None:
    blind = Pool(np.zeros((3, 1), np.float32), np.full(3, UNLABELED), 2)
    with pytest.raises(ValueError, match="before the first label"):
        strategy(blind, 1, rng())
