"""Covering many points with few balls: balls around drawn rows, counted on drawn points.

Which of the drawn points lie in a ball is kept, a bit each, so that the greedy choice itself costs
next to nothing.
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances, gemm_distances
from rayal.kernels.common_part import large_common_part, without
from rayal.kernels.lazy_covering import lazy_k_center
from rayal.kernels.rows import Rows
from rayal.kernels.validation import check_budget

Bits = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

# As many of both: what a choice loses by the sample, it loses by the centers that are not drawn.
CENTERS = 65_536  # rows that may be chosen
POINTS = 65_536  # rows that are counted
PURITY_SAMPLE = 1024  # balls looked at to estimate how many are pure
BLOCK = 1024  # balls worked on at once


def sampled_ball_cover(
    rows: Rows, labeled: Int64, budget: int, radius: float, rng: np.random.Generator
) -> Int64:
    """Return `budget` positions, each with the most points in its ball that no ball yet covers.

    The choice is greedy among 65,536 drawn rows and on 65,536 drawn points; with fewer rows than
    these, on all. The drawn rows hold one of the best share q of all rows, at each pick, with a
    probability of 1 - (1 - q)^65536: 99.8 % for q = 1e-4. The share of the pool that a given choice
    covers is off by more than e with a probability of at most 2 exp(-2 m e^2) for m drawn points
    (Hoeffding 1963): .006 in 18 of a thousand draws. Balls are open; distances are rounded as
    float32. Ties go by chance. When all is covered, the row farthest from all centers follows.
    O(N D) for the draws, 65,536 x 65,536 D at most for the balls, 512 MiB of bits.

    Args:
        rows: (N, D).
        labeled: positions whose balls are there already.
        budget: at most N less the number labeled.
        radius: may be infinite; balls of radius 0 hold nothing.
        rng: draws the rows and the points.

    Raises:
        ValueError: where the budget is not between 1 and what is left.
    """
    check_budget(budget, len(rows) - len(labeled))
    left = np.setdiff1d(np.arange(len(rows)), labeled)
    drawn = rng.choice(left, min(len(left), max(CENTERS, budget)), replace=False)  # any order
    points = np.sort(rng.choice(len(rows), min(len(rows), POINTS), replace=False))
    centers = np.concatenate([labeled, drawn])
    balls = _balls(rows, centers, points, radius)
    picks = drawn[_largest_first(_Gains(rows, balls, labeled, drawn, points, radius), budget)]
    if len(picks) == budget:
        return picks
    rest = lazy_k_center(rows, np.concatenate([labeled, picks]), budget - len(picks), rng)
    return np.concatenate([picks, rest])


def sampled_pure_radius(
    rows: Rows, clusters: Int64, rng: np.random.Generator, *, purity: float = 0.95
) -> float:
    """Return the largest radius at which the open balls of `purity` of the rows are pure.

    As `ball_cover.pure_radius`, by 1,024 drawn balls among all rows, and rounded as float32.

    Args:
        rows: (N, D).
        clusters: (N,) 0 to K - 1.
        rng: draws the balls.
        purity: share of the balls, above 0 and at most 1.
    """
    drawn = np.sort(rng.choice(len(rows), min(len(rows), PURITY_SAMPLE), replace=False))
    common = large_common_part(rows[drawn])
    centers = without(rows[drawn], common)
    nearest = np.full(len(drawn), np.inf)
    for part, points in rows.blocks():
        squared = gemm_distances.squared_distances(centers, without(points, common))
        squared[clusters[drawn][:, None] == clusters[part][None]] = np.inf
        nearest = np.minimum(nearest, squared.min(axis=1))
    first_impure = np.sort(np.sqrt(np.maximum(nearest, 0)))
    return float(first_impure[int((1 - purity) * len(drawn) + 1e-9)])


def _balls(rows: Rows, centers: Int64, points: Int64, radius: float) -> Bits:
    """Return which points each ball holds, (n, ceil(m / 8)): a bit each."""
    balls = np.zeros((len(centers), -(-len(points) // 8)), dtype=np.uint8)
    common = large_common_part(rows[centers])
    around = without(rows[centers], common)
    for part in gemm_distances.chunks(len(points), gemm_distances.COLUMNS):  # a multiple of 8
        held = without(rows[points[part]], common)
        into = slice(part.start // 8, -(-part.stop // 8))
        for some in gemm_distances.chunks(len(centers), BLOCK):
            inside = gemm_distances.squared_distances(around[some], held) < radius**2
            balls[some, into] = np.packbits(inside, axis=1)
    return balls


class _Gains:
    """How many rows each ball newly covers: of the drawn points in proportion, and its own center.

    Where a center is among the points, the point counts as the center alone: balls of few rows
    around drawn points would else go before all others.
    """

    def __init__(
        self, rows: Rows, balls: Bits, labeled: Int64, drawn: Int64, points: Int64, radius: float
    ) -> None:
        self._rows, self._drawn, self._squared_radius = rows, drawn, radius**2
        self._covered = np.bitwise_or.reduce(balls[: len(labeled)], axis=0, initial=np.uint8(0))
        self.balls = balls[len(labeled) :]
        self._a_point = len(rows) / len(points)
        at = np.minimum(np.searchsorted(points, drawn), len(points) - 1)
        self._byte = at // 8
        bits = np.uint8(128) >> (at % 8).astype(np.uint8)
        self._own = np.where(points[at] == drawn, bits, 0).astype(np.uint8)
        self.balls[np.arange(len(drawn)), self._byte] &= ~self._own
        self._centers = rows[labeled]  # of all balls that are there
        self._open = np.full(len(drawn), radius > 0)  # whether no ball is known to hold the center
        self._looked_at = np.zeros(len(drawn), dtype=np.int64)  # of the centers

    def bound(self, ball: int) -> float:
        """Return what a ball covers at most."""
        new = np.bitwise_count(self.balls[ball] & ~self._covered).sum(dtype=np.int64)
        return self._a_point * int(new) + bool(self._open[ball])

    def gain(self, ball: int) -> float:
        """Return what a ball covers."""
        new = self._centers[self._looked_at[ball] :]
        if self._open[ball] and len(new):
            away = distances.to_one_center(new, self._center(ball)[0])
            self._open[ball] = away.min() >= self._squared_radius
        self._looked_at[ball] = len(self._centers)
        return self.bound(ball)

    def add(self, ball: int) -> None:
        """Cover what a ball holds."""
        self._covered = self._covered | self.balls[ball]
        self._covered[self._byte[ball]] |= self._own[ball]
        self._centers = np.concatenate([self._centers, self._center(ball)])

    def _center(self, ball: int) -> Float32:
        return self._rows[self._drawn[ball : ball + 1]]


def _largest_first(gains: _Gains, budget: int) -> Int64:
    """Return the balls (n,), n <= budget, in a greedy order, until one covers nothing new."""
    heap = [(-gains.bound(ball), ball) for ball in range(len(gains.balls))]
    heapq.heapify(heap)
    picks: list[int] = []
    while heap and len(picks) < budget:
        bound, ball = heap[0]
        # What a ball gains never grows, and of equals the first in the heap is the lowest.
        if (present := -gains.gain(ball)) != bound:
            heapq.heapreplace(heap, (present, ball))
        elif bound == 0:
            break
        else:
            picks.append(heapq.heappop(heap)[1])
            gains.add(ball)
    return np.array(picks, dtype=np.int64)
