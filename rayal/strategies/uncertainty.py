"""Choosing the images that the learner trained so far is least sure of.

Equal scores are shuffled; budgets nest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.finite import check_finite
from rayal.kernels.ranking import highest_first

Scores = npt.NDArray[np.float64]


@strategy(needs={"predictions"})
def entropy(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose the highest entropy of the predicted classes, -sum p log p with 0 log 0 = 0."""
    return _most_uncertain(pool, entr(_unlabelled_probs(pool)).sum(axis=1), budget, rng)


@strategy(needs={"predictions"})
def margin(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose the smallest difference between the two most probable classes."""
    top = np.partition(_unlabelled_probs(pool), -2, axis=1)[:, -2:]
    return _most_uncertain(pool, top[:, 0] - top[:, 1], budget, rng)


@strategy(needs={"predictions"})
def least_confidence(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose the lowest probability of the most probable class."""
    return _most_uncertain(pool, -_unlabelled_probs(pool).max(axis=1), budget, rng)


def _unlabelled_probs(pool: Pool) -> Scores:
    check_finite(pool.probs, "the predicted probabilities")
    return pool.probs[pool.unlabelled].astype(np.float64)


def _most_uncertain(pool: Pool, scores: Scores, budget: int, rng: np.random.Generator) -> Indices:
    return pool.unlabelled[highest_first(scores, rng)[:budget]]
