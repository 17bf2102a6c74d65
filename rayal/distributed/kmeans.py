"""k-means over shards: k-means|| for the start (Bahmani et al. 2012), then Lloyd steps by sums.

k-means|| draws about K rows in each of five passes, by chances proportional to their squared
distances to what was drawn before; k-means++ on these, weighted by how many rows are nearest to
each, gives the first centers. Their expected inertia is O(log K) times the smallest one, and Lloyd
steps only lower it. Draws depend on rows' positions, not on shards; sums of shards are rounded, so
that an answer for other shards may differ where rows are equally far from two centers. They are
rounded to whole numbers of 2^-32, whose sum is the same in any order: the answer for the same
shards does not depend on which process has which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from rayal.distributed.executor import Executor, Parts
from rayal.distributed.row_keys import row_uniforms
from rayal.distributed.shard_rows import ShardRows, rows_at
from rayal.kernels import distances
from rayal.storage.shard_set import ShardSet

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

PASSES = 5
MORE_PASSES = 20  # where the rows drawn are still too few
SETTLED = 1e-4  # Lloyd ends when a step lowers the inertia by less than this part
STEP = 2.0**32  # whole numbers to one: those of 2^31 rows of unit length can be added in 64 bits

Sums = tuple[Int64, Int64, int]  # of rows (K, D) and of their squared distances by STEP; rows (K,)
Nearest = tuple[Int64, Float32, Int64, int]  # rows (K,), the least distance and whose; inertia


@dataclass(frozen=True)
class Clusters:
    """Centers (K, D); sizes (K,) in rows; nearest (K,): the position of the row nearest to each.

    nearest is -1 where a cluster has no row; inertia: the sum of squared distances to the centers.
    """

    parts: Parts
    centers: Float32
    sizes: Int64
    nearest: Int64
    inertia: float


def kmeans(
    executor: Executor,
    shards: ShardSet,
    left_out: Int64,
    k: int,
    rng: np.random.Generator,
    *,
    iterations: int = 20,
) -> Clusters:
    """Cluster the rows of a pool, scaled to unit length.

    Args:
        executor: who does the work.
        shards: the pool.
        left_out: (L,) ascending positions that take no part.
        k: clusters, at most the rows that take part.
        rng: draws rows and centers.
        iterations: Lloyd steps, fewer where one gains less than a ten-thousandth.
    """
    parts = executor.parts(shards, ClusterPart, left_out, unit=True)
    centers = _first_centers(parts, shards, k, rng)
    inertia = np.inf
    for _ in range(iterations):
        sums, counts, total = parts.combined(_added, "sums", centers)
        filled, now = counts > 0, total / STEP
        centers = centers.copy()
        centers[filled] = sums[filled] / (STEP * counts[filled, None])
        if now >= inertia * (1 - SETTLED):
            break
        inertia = now
    return _assigned(parts, centers)


def _assigned(parts: Parts, centers: Float32) -> Clusters:
    sizes, _, nearest, inertia = parts.combined_update(_nearer, "assign", centers)
    return Clusters(parts, centers, sizes, nearest, inertia / STEP)


def _first_centers(parts: Parts, shards: ShardSet, k: int, rng: np.random.Generator) -> Float32:
    drawn = parts.query("first", int(rng.integers(2**63)))
    first = min((each for each in drawn if each[1] >= 0), key=lambda each: each[0])[1]
    candidates = np.array([first], dtype=np.int64)
    rows = rows_at(shards, candidates, unit=True)
    cost = float(sum(parts.update("add", rows)))
    for turn in range(MORE_PASSES):
        if cost <= 0 or (turn >= PASSES and len(candidates) >= k):
            break
        seed = int(rng.integers(2**63))
        new = np.concatenate(parts.query("draw", seed, k / cost))
        new = np.setdiff1d(new, candidates)
        fetched = rows_at(shards, new, unit=True)
        candidates, rows = np.concatenate([candidates, new]), np.concatenate([rows, fetched])
        if len(new):
            cost = float(sum(parts.update("add", fetched)))
    weights = parts.combined(np.add, "weights", len(candidates))
    return _plus_plus(rows, weights.astype(np.float64), k, rng)


def _plus_plus(rows: Float32, weights: Float64, k: int, rng: np.random.Generator) -> Float32:
    """Return at most k of the rows (n, D) by k-means++ (Arthur and Vassilvitskii 2007)."""
    away = np.ones(len(rows))
    picks: list[int] = []
    while len(picks) < k:
        mass = np.cumsum(weights * away)
        if mass[-1] <= 0:
            break
        picks.append(int(np.searchsorted(mass, rng.random() * mass[-1], side="right")))
        to_pick = distances.to_one_center(rows, rows[picks[-1]]).astype(np.float64)
        away = to_pick if len(picks) == 1 else np.minimum(away, to_pick)
    return rows[picks]


def _added(first: Sums, second: Sums) -> Sums:
    return first[0] + second[0], first[1] + second[1], first[2] + second[2]


def _nearer(first: Nearest, second: Nearest) -> Nearest:
    """Return the rows nearest to each center of two shards' rows; of equals the lower positions."""
    (sizes, away, whose, inertia), (more, others, theirs, rest) = first, second
    is_nearer = (others < away) | ((others == away) & (theirs < whose))
    least = np.where(is_nearer, others, away)
    return sizes + more, least, np.where(is_nearer, theirs, whose), inertia + rest


def _fixed_point(numbers: Float64) -> Int64:
    """Return numbers in fixed point: whole multiples of 1 / STEP."""
    return np.rint(numbers * STEP).astype(np.int64)


class ClusterPart:
    """One shard's rows: how far from what was drawn, and in the end which cluster each is in."""

    def __init__(self, rows: ShardRows, left_out: Int64) -> None:
        self._rows = rows
        self._counts = np.ones(rows.rows, dtype=bool)
        in_shard = (left_out >= rows.start) & (left_out < rows.start + rows.rows)
        self._counts[left_out[in_shard] - rows.start] = False
        self._away = np.full(rows.rows, np.inf, dtype=np.float32)
        self._nearest = np.zeros(rows.rows, dtype=np.int32)
        self._drawn = 0

    def first(self, seed: int) -> tuple[float, int]:
        """Return the lowest random number of a row, and its position; -1 where there is none."""
        uniforms = row_uniforms(seed, self._rows.start, self._rows.rows)
        uniforms[~self._counts] = np.inf
        row = int(uniforms.argmin())
        return float(uniforms[row]), row + self._rows.start if self._counts[row] else -1

    def add(self, centers: Float32) -> float:
        """Count the distances to more rows drawn (m, D); return the sum of the least ones."""
        drawn = distances.Centers(centers)
        for rows, block in self._rows.in_turn():
            nearest, away = drawn.nearest(block)
            closer = away < self._away[rows]
            self._nearest[rows][closer] = nearest[closer] + self._drawn
            np.minimum(self._away[rows], np.maximum(away, 0), out=self._away[rows])
        self._drawn += len(centers)
        return float(self._away[self._counts].sum(dtype=np.float64))

    def draw(self, seed: int, factor: float) -> Int64:
        """Return positions, each drawn with a chance of its squared distance times the factor."""
        uniforms = row_uniforms(seed, self._rows.start, self._rows.rows)
        drawn = self._counts & (uniforms < factor * self._away.astype(np.float64))
        return np.flatnonzero(drawn) + self._rows.start

    def weights(self, drawn: int) -> Int64:
        """Return how many rows are nearest to each of those drawn."""
        return np.bincount(self._nearest[self._counts], minlength=drawn)

    def sums(self, centers: Float32) -> Sums:
        """Return the sums (K, D) and numbers (K,) of the rows nearest to each center; inertia."""
        known, k = distances.Centers(centers), len(centers)
        sums, counts, inertia = np.zeros((k, centers.shape[1])), np.zeros(k, np.int64), 0.0
        for rows, block in self._rows.in_turn():
            counted = self._counts[rows]
            nearest, away = known.nearest(block)
            own = nearest[counted]
            ones = np.ones(len(own), dtype=np.float64)
            members = csr_matrix((ones, (own, np.arange(len(own)))), shape=(k, len(own)))
            sums += members @ block[counted].astype(np.float64)
            counts += np.bincount(own, minlength=k)
            inertia += float(away[counted].sum(dtype=np.float64))
        return _fixed_point(sums), counts, round(inertia * STEP)

    def assign(self, centers: Float32) -> Nearest:
        """Keep each row's cluster; return sizes (K,), the least distance, whose it is; inertia."""
        known, k = distances.Centers(centers), len(centers)
        for rows, block in self._rows.in_turn():
            own = known.nearest(block)[0]
            self._nearest[rows] = own
            self._away[rows] = distances.to_own_center(block, own, centers)
        self._nearest[~self._counts] = -1
        least, whose = np.full(k, np.inf, dtype=np.float32), np.full(k, -1, dtype=np.int64)
        at = np.flatnonzero(self._counts)
        at = at[np.lexsort((self._away[at], self._nearest[at]))]
        present, first = np.unique(self._nearest[at], return_index=True)
        least[present] = self._away[at[first]]
        whose[present] = at[first] + self._rows.start
        sizes = np.bincount(self._nearest[at], minlength=k)
        inertia = float(self._away[at].sum(dtype=np.float64))
        return sizes, least, whose, round(inertia * STEP)

    def members(self, clusters: Int64) -> list[Int64]:
        """Return the positions (n,) of the rows in each of some clusters (m,)."""
        order = np.argsort(self._nearest, kind="stable")
        ordered = self._nearest[order]
        firsts, ends = (np.searchsorted(ordered, clusters, side) for side in ("left", "right"))
        return [order[a:b] + self._rows.start for a, b in zip(firsts, ends, strict=True)]
