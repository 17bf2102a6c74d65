"""The most typical image of a cluster with few labels, again and again (TypiClust)."""

from __future__ import annotations

import heapq

import numpy as np

from rayal.contracts import Features, Indices, Pool
from rayal.kernels import clustering
from rayal.kernels.typicality import most_typical

MAX_CLUSTERS, MIN_SIZE, RESTARTS = 500, 5, 1  # typiclust's own
NEIGHBORS = 20
ITERATIONS = 10  # of k-means, whose clusters need not be the best: they only part the pool


def typical_of_clusters(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    max_clusters: int = MAX_CLUSTERS,
    min_size: int = MIN_SIZE,
    restarts: int = RESTARTS,
) -> Indices:
    """Return (B,) positions by TypiClust; see the strategy `typiclust`.

    Args:
        pool: its features (N, D) and labels (N,).
        budget: B.
        rng: seeds the initial centers.
        max_clusters: bound on K.
        min_size: images that a cluster needs to be used at first.
        restarts: initializations of which the best is kept.
    """
    features = clustering.unit_rows(pool.features)
    K = min(len(pool.labeled) + budget, max_clusters)
    clusters, _ = clustering.kmeans(features, K, rng, restarts=restarts, iterations=ITERATIONS)
    left = _members(clusters, pool.unlabeled)
    turns = _turns(clusters, pool.labeled, left, min_size)
    picks = np.empty(budget, dtype=np.int64)
    for i in range(budget):
        small, labels, larger, cluster = heapq.heappop(turns)
        members = left[cluster]
        place = _most_typical_of(features, members)
        picks[i], left[cluster] = members[place], np.delete(members, place)
        if len(members) > 1:
            heapq.heappush(turns, (small, labels + 1, larger, cluster))
    return picks


def _members(clusters: Indices, positions: Indices) -> list[Indices]:
    """Return, for each cluster, those of the positions (ascending) that are in it."""
    order = positions[np.argsort(clusters[positions], kind="stable")]
    sizes = np.bincount(clusters[positions], minlength=clusters.max() + 1)
    return np.split(order, np.cumsum(sizes)[:-1])


def _turns(
    clusters: Indices, labeled: Indices, left: list[Indices], min_size: int
) -> list[tuple[bool, int, int, int]]:
    """Return a heap of clusters with images left, the one to be used next on top."""
    sizes = np.bincount(clusters).tolist()
    labels = np.bincount(clusters[labeled], minlength=len(sizes)).tolist()
    turns = [
        (sizes[c] < min_size, labels[c], -sizes[c], c) for c in range(len(sizes)) if len(left[c])
    ]
    heapq.heapify(turns)
    return turns


def _most_typical_of(features: Features, members: Indices) -> int:
    if len(members) == 1:
        return 0
    return most_typical(features[members], min(NEIGHBORS, len(members) // 2))
