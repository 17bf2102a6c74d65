"""Diverse images among candidates, for `dropquery` and `alfamix`."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Indices, Pool
from rayal.kernels.ranking import pad_to_budget
from rayal.strategies._cluster_representatives import cluster_representatives

RESTARTS = 5  # of k-means, as in the strategy `kmeans`


def diverse_candidates(
    pool: Pool, candidates: Indices, budget: int, rng: np.random.Generator
) -> Indices:
    """Return (B,) positions: k-means of what the last layer sees of the candidates, K = B.

    Rows are scaled to unit length; the one nearest to each center is taken, largest cluster first.
    Where there are fewer candidates than B, all are taken, and others at random.

    Args:
        pool: what the last layer sees (N, H), and labels (N,).
        candidates: (n,) ascending positions without a label.
        budget: B.
        rng: seeds the initial centers, draws what fills up.
    """
    if len(candidates) <= budget:
        return pad_to_budget(candidates, rng.permutation(pool.unlabeled), budget)
    return cluster_representatives(
        pool.penultimate_features, candidates, budget, rng, normalize=True, restarts=RESTARTS
    )
