"""One image of each of K = B clusters, for `kmeans` and `multi_kmeans`."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Features, Indices
from rayal.kernels import clustering
from rayal.kernels.ranking import pad_to_budget
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_clustering import sampled_kmeans
from rayal.kernels.two_level_clustering import MANY, two_level_kmeans

SAMPLED = "clusters are found on a sample"
TWO_LEVELS = f"more than {MANY:,} clusters are found in two levels, on samples"


def form_of_many(budget: int) -> str:
    """Say how clusters of many rows are found."""
    return TWO_LEVELS if budget > MANY else SAMPLED


def cluster_representatives(  # noqa: PLR0913  which rows, how many, and how they are clustered
    features: Features,
    positions: Indices,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool,
    restarts: int,
    approximate: bool = False,
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
        approximate: find centers on a sample, without a copy of the rows, and more than `MANY` of
            them in two levels; rows far from their centers then make up the number.

    Returns:
        (B,) of the positions.
    """
    if approximate:
        many = Rows(features, positions, unit=normalize)
        return positions[_of_many(many, budget, rng, restarts)]
    points = rows(features, positions, normalize=normalize)
    clusters, centers = clustering.kmeans(points, budget, rng, restarts=restarts)
    nearest = clustering.nearest_to_centers(points, clusters, centers)
    chosen = nearest[np.argsort(-np.bincount(clusters), kind="stable")]
    duplicates = np.setdiff1d(np.arange(len(positions)), chosen)[: budget - len(chosen)]
    picks: Indices = positions[np.concatenate([chosen, duplicates])]
    return picks


def _of_many(rows: Rows, budget: int, rng: np.random.Generator, restarts: int) -> Indices:
    """Return the row nearest to each of K = B centers that were found on a sample, (B,)."""
    find = two_level_kmeans if budget > MANY else sampled_kmeans
    clusters = find(rows, budget, rng, restarts=restarts)
    chosen = clusters.nearest_rows()
    if len(chosen) == budget:
        return chosen
    return pad_to_budget(chosen, np.argsort(-clusters.to_center, kind="stable"), budget)


def rows(features: Features, positions: Indices, *, normalize: bool) -> Features:
    """Return ascending rows (n, D) of unit length or as they are, copied once at most."""
    if normalize:
        return clustering.unit_rows(features, positions)
    return features if len(positions) == len(features) else features[positions]
