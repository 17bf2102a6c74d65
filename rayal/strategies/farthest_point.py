"""Farthest-point sampling from the middle of the pool."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Features, Indices, Pool, strategy
from rayal.kernels import clustering, distances
from rayal.kernels.rows import Rows
from rayal.strategies import _large_pools
from rayal.strategies._farthest_first import farthest_first


@strategy(unit_length=True, geometric=True, blockwise=True)
def farthest_point(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose the image nearest to the mean, then repeatedly the one farthest from all before.

    FPS of MedCAL-Bench (2025). It differs from `k_center` in that features have unit length and
    that nothing is drawn: where there are labels they are the start, else the image nearest to the
    mean. Ties go to the lowest position; budgets nest.

    Cost: O(N D B) time.

    Use: when every seed should give the same choice; otherwise `k_center`.

    Source: Gonzalez 1985; Eldar et al. 1997.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: not used.

    Returns:
        (B,) positions, in the order of the choice.
    """
    if len(pool.labeled):
        return farthest_first(pool.features, pool.labeled, budget, rng, unit=True)
    start = _nearest_to_mean(pool.features)
    if budget == 1:
        return start
    return np.concatenate([start, farthest_first(pool.features, start, budget - 1, rng, unit=True)])


def _nearest_to_mean(features: Features) -> Indices:
    """Return the position (1,) of the row of unit length that is nearest to the mean."""
    if len(features) <= _large_pools.LARGE:
        points = clustering.unit_rows(features)
        center = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        return np.array([distances.to_one_center(points, center).argmin()])
    rows = Rows(features, unit=True)
    total = sum(points.sum(axis=0, dtype=np.float64) for _, points in rows.blocks())
    center = np.asarray(total / len(rows), dtype=np.float32)
    away = [distances.to_one_center(points, center) for _, points in rows.blocks()]
    return np.array([np.concatenate(away).argmin()])
