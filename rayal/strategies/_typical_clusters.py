"""The most typical image of a cluster with few labels, again and again (TypiClust)."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from rayal.contracts import Features, Indices, Pool
from rayal.kernels import clustering
from rayal.kernels.greedy_balance import ClassBalance
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_clustering import sampled_kmeans
from rayal.kernels.sampled_typicality import nearly_most_typical
from rayal.kernels.typicality import MeanBounds, typicality

MostTypical: TypeAlias = Callable[[Indices, int], int]  # members (n,), neighbors -> a place

MAX_CLUSTERS, MIN_SIZE, RESTARTS = 500, 5, 1  # typiclust's own
NEIGHBORS = 20
SAMPLED = "clusters are found on a sample, and typical images of large ones too"
ITERATIONS = 10  # of k-means, whose clusters need not be the best: they only part the pool


def typical_of_clusters(  # noqa: PLR0913  the parameters of TypiClust and its form
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    max_clusters: int = MAX_CLUSTERS,
    min_size: int = MIN_SIZE,
    restarts: int = RESTARTS,
    approximate: bool = False,
    balance: ClassBalance | None = None,
) -> Indices:
    """Return (B,) positions by TypiClust; see the strategy `typiclust`.

    Args:
        pool: its features (N, D) and labels (N,).
        budget: B.
        rng: seeds the initial centers, and draws samples.
        max_clusters: bound on K.
        min_size: images that a cluster needs to be used at first.
        restarts: initializations of which the best is kept.
        approximate: find clusters, and typical images of those above 4,096, on samples, without a
            copy of the features.
        balance: what counts against typicality in the choice among a cluster's images; in the exact
            form alone.
    """
    K = min(len(pool.labeled) + budget, max_clusters)
    cluster = _cluster_many if approximate else _cluster
    clusters, most_typical_of = cluster(pool.features, K, rng, restarts)
    if balance is not None:
        most_typical_of = _balanced(pool.features, balance)
    left = _members(clusters, pool.unlabeled)
    turns = _turns(clusters, pool.labeled, left, min_size)
    picks = np.empty(budget, dtype=np.int64)
    for i in range(budget):
        small, labels, larger, own = heapq.heappop(turns)
        members = left[own]
        place = most_typical_of(members, _neighbors(members)) if len(members) > 1 else 0
        picks[i], left[own] = members[place], np.delete(members, place)
        if balance is not None:
            balance.add(int(picks[i]))
        if len(members) > 1:
            heapq.heappush(turns, (small, labels + 1, larger, own))
    return picks


def _neighbors(members: Indices) -> int:
    return min(NEIGHBORS, len(members) // 2)


def _cluster(
    features: Features, K: int, rng: np.random.Generator, restarts: int
) -> tuple[Indices, MostTypical]:
    """Return the cluster (N,) of each image, and what finds the most typical of some."""
    points = clustering.unit_rows(features)
    clusters, _ = clustering.kmeans(points, K, rng, restarts=restarts, iterations=ITERATIONS)
    bounds = MeanBounds(len(points))
    return clusters, lambda members, k: bounds.most_typical(points[members], members, k)


def _cluster_many(
    features: Features, K: int, rng: np.random.Generator, restarts: int
) -> tuple[Indices, MostTypical]:
    """Do as `_cluster`, on samples."""
    rows = Rows(features, unit=True)
    clusters = sampled_kmeans(rows, K, rng, restarts=restarts, iterations=ITERATIONS).of
    bounds = MeanBounds(len(rows))
    return clusters, lambda members, k: nearly_most_typical(rows, members, k, rng, bounds)


def _balanced(features: Features, balance: ClassBalance) -> MostTypical:
    """Return what finds the most typical of some, less what it costs."""
    points = clustering.unit_rows(features)
    return lambda members, k: int(
        np.argmax(typicality(points[members], k) - balance.costs(members))
    )


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
