"""One image of each of K = B clusters, for `kmeans` and `multi_kmeans`."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Features, Indices
from rayal.kernels import clustering


def cluster_representatives(
    features: Features,
    positions: Indices,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool,
    restarts: int,
) -> Indices:
    """Cluster some rows into K = B; return the one nearest to each center, largest cluster first.

    Where fewer than B rows are distinct, duplicates make up the number, lowest position first.

    Args:
        features: (N, D).
        positions: (n,) ascending rows that take part, n >= B.
        budget: B.
        rng: seeds the initial centers.
        normalize: scale rows to unit length.
        restarts: initializations of which the best is kept.

    Returns:
        (B,) of the positions.
    """
    points = rows(features, positions, normalize=normalize)
    clusters, centers = clustering.kmeans(points, budget, rng, restarts=restarts)
    nearest = clustering.nearest_to_centers(points, clusters, centers)
    chosen = nearest[np.argsort(-np.bincount(clusters), kind="stable")]
    duplicates = np.setdiff1d(np.arange(len(positions)), chosen)[: budget - len(chosen)]
    picks: Indices = positions[np.concatenate([chosen, duplicates])]
    return picks


def rows(features: Features, positions: Indices, *, normalize: bool) -> Features:
    """Return ascending rows (n, D) of unit length or as they are, copied once at most."""
    if normalize:
        return clustering.unit_rows(features, positions)
    return features if len(positions) == len(features) else features[positions]
