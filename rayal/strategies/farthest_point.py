"""Farthest-point sampling from the middle of the pool."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering, distances
from rayal.kernels.covering import greedy_k_center


@strategy(unit_length=True, geometric=True)
def farthest_point(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose the image nearest to the mean, then always the one farthest from all before it.

    FPS of MedCAL-Bench (2025). It differs from `k_center` in that features have unit length and
    that nothing is drawn: where there are labels they are the start, else the image nearest to the
    mean. Ties go to the lowest position; budgets nest.

    Cost: O(N D B) time.

    Use: where the same choice is wanted at every seed; otherwise `k_center`.

    Source: Gonzalez 1985; Eldar et al. 1997.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: not used.

    Returns:
        (B,) positions, in the order of the choice.
    """
    features = clustering.unit_rows(pool.features)
    if len(pool.labeled):
        return greedy_k_center(features, pool.labeled, budget, rng)
    center = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    start = np.array([distances.to_one_center(features, center).argmin()])
    if budget == 1:
        return start
    return np.concatenate([start, greedy_k_center(features, start, budget - 1, rng)])
