"""Typical images of clusters (TypiClust), and that before margin sampling (TCM)."""

from __future__ import annotations

import heapq

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from rayal.contracts import Features, Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.typicality import most_typical
from rayal.strategies.uncertainty import margin

NEIGHBORS = 20
ITERATIONS = 10  # of k-means, whose clusters need not be the best: they only part the pool


@strategy()
def typiclust(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    max_clusters: PositiveInt = 500,
    min_size: PositiveInt = 5,
    restarts: PositiveInt = 1,
) -> Indices:
    """Take the most typical image of the largest cluster with the fewest labels, again and again.

    Hacohen et al., "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets",
    ICML 2022. Unit-length features of all images, labeled or not, are clustered into
    K = min(labeled + B, max_clusters). Typicality is the inverse of the mean distance to the
    min(20, half of them) nearest among the cluster's images that are left. Each choice counts as
    a label. Equal clusters go by number, equal images by position.

    Clusters below min_size wait until all others are used up, and then take turns by the same
    rule, so that B images are always found. The released code averages squared distances and
    keeps clusters of at least 6.

    Cost: k-means with K = L + B, at most 500, and O(n^2 D) inside a cluster of n images.

    Use: for the first queries, few labels at a time.

    Source: Hacohen et al. 2022.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: seeds the initial centers.
        max_clusters: bound on K.
        min_size: images that a cluster needs to be used at first.
        restarts: initializations of which the best is kept.
    """
    features = clustering.unit_rows(pool.features)
    K = min(len(pool.labelled) + budget, max_clusters)
    clusters, _ = clustering.kmeans(features, K, rng, restarts=restarts, iterations=ITERATIONS)
    left = _members(clusters, pool.unlabelled)
    turns = _turns(clusters, pool.labelled, left, min_size)
    picks = np.empty(budget, dtype=np.int64)
    for i in range(budget):
        small, labels, larger, cluster = heapq.heappop(turns)
        members = left[cluster]
        place = _most_typical_of(features, members)
        picks[i], left[cluster] = members[place], np.delete(members, place)
        if len(members) > 1:
            heapq.heappush(turns, (small, labels + 1, larger, cluster))
    return picks


@strategy()
def tcm(
    pool: Pool, budget: int, rng: np.random.Generator, *, labels_per_class: NonNegativeInt = 10
) -> Indices:
    """Choose as `typiclust` until there are enough labels, and by `margin` from then on.

    Doucet et al., "Bridging Diversity and Uncertainty in Active Learning with Self-Supervised
    Pre-Training", 2024. The paper changes over after a number of rounds that depends on the size
    of a round; here the number of labels decides. A query without predictions, as the first one,
    is always one of `typiclust`.

    Cost: that of `typiclust`, then O(N C).

    Use: over a whole cycle, from no labels to many.

    Source: Doucet et al. 2024.

    Args:
        pool: its features (N, D), and the predictions if there are any.
        budget: B.
        rng: seeds the clustering, or shuffles equal margins.
        labels_per_class: `margin` is used from C times as many labels on.
    """
    enough = len(pool.labelled) >= labels_per_class * pool.num_classes
    if pool.predictions is None or not enough:
        return typiclust(pool, budget, rng)
    return margin(pool, budget, rng)


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
