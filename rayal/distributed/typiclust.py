"""TypiClust over shards in two levels: clusters of the whole pool, then each cluster by itself.

Hacohen et al. 2022; `rayal.strategies.typiclust` is the twin on one machine. The clusters are those
of k-means over the shards, with its bound; inside a cluster the choice is the same as on one
machine. Clusters of more than 8,192 rows are looked at by a random sample of so many.
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from rayal.distributed.executor import Executor
from rayal.distributed.kmeans import Clusters, kmeans
from rayal.distributed.row_keys import keys_at
from rayal.distributed.shard_rows import rows_at
from rayal.kernels.typicality import MeanBounds
from rayal.storage.shard_set import ShardSet

Int64 = npt.NDArray[np.int64]

MAX_CLUSTERS, MIN_SIZE, NEIGHBORS, ITERATIONS = 500, 5, 20, 10  # those of the strategy
LARGEST = 8192  # rows of a cluster that are compared with one another


def typiclust(
    executor: Executor, shards: ShardSet, labeled: Int64, budget: int, rng: np.random.Generator
) -> tuple[Int64, Clusters]:
    """Return positions (B,) in the order of the choice, and the clusters.

    Args:
        executor: who does the work.
        shards: the pool.
        labeled: (L,) ascending positions that have labels.
        budget: B.
        rng: draws the first centers and the samples of large clusters.
    """
    K = min(len(labeled) + budget, MAX_CLUSTERS, shards.rows)
    none = np.empty(0, dtype=np.int64)
    clusters = kmeans(executor, shards, none, K, rng, iterations=ITERATIONS)
    members = _members(clusters)
    left = [np.setdiff1d(each, labeled, assume_unique=True) for each in members]
    turns = _turns([len(each) for each in members], [len(each) for each in left], budget)
    counts = np.bincount(turns, minlength=K)
    used = np.flatnonzero(counts).tolist()
    seed = int(rng.integers(2**63))
    items = [(left[c], int(counts[c])) for c in used]
    typical = dict(zip(used, executor.map(_typical, items, shards, seed), strict=True))
    taken = dict.fromkeys(used, 0)
    picks = np.empty(budget, dtype=np.int64)
    for i, c in enumerate(turns):
        picks[i] = typical[c][taken[c]]
        taken[c] += 1
    return picks, clusters


def _members(clusters: Clusters) -> list[Int64]:
    answers = clusters.parts.query("members", np.arange(len(clusters.centers)))
    return [np.concatenate(each) for each in zip(*answers, strict=True)]


def _turns(sizes: list[int], left: list[int], budget: int) -> list[int]:
    """Return which cluster each choice is made in: few labels first, then many rows."""
    heap = [
        (size < MIN_SIZE, size - free, -size, c)
        for c, (size, free) in enumerate(zip(sizes, left, strict=True))
        if free
    ]
    heapq.heapify(heap)
    free = list(left)
    turns = []
    for _ in range(budget):
        small, labels, larger, c = heapq.heappop(heap)
        turns.append(c)
        free[c] -= 1
        if free[c]:
            heapq.heappush(heap, (small, labels + 1, larger, c))
    return turns


def _typical(item: tuple[Int64, int], shards: ShardSet, seed: int) -> Int64:
    """Return the most typical of a cluster's positions, one after another."""
    left, count = item
    if len(left) > LARGEST:
        keys = keys_at(seed, left)
        left = np.sort(left[np.argsort(keys)[: max(LARGEST, count)]])
    rows = rows_at(shards, left, unit=True)
    bounds, members = MeanBounds(len(rows)), np.arange(len(rows))
    picks = np.empty(count, dtype=np.int64)
    for i in range(count):
        n = len(members)
        k = min(NEIGHBORS, n // 2)
        place = 0 if n == 1 else bounds.most_typical(rows[members], members, k)
        picks[i], members = left[members[place]], np.delete(members, place)
    return picks
