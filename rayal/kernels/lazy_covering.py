"""Greedy k-center of many rows: distances are brought up to date only where they may matter.

A distance to the nearest center never grows, so an old one bounds the present one, and rows whose
bounds are below the farthest row need not be looked at. The picks are those of
`covering.greedy_k_center`, to the bit, and the matrix is read in parts where that passes over all
of it. How much is saved depends on the data: most where rows differ in how far out they lie, little
where they form as many tight clusters as are picked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.gemm_distances import chunks
from rayal.kernels.rows import BLOCK, Rows
from rayal.kernels.validation import check_budget

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

FRONT = 512, 4096  # fewest and most rows with the largest bounds, kept up to date at every pick
FRONT_SHARE = 64  # of how many rows one is in front
FIRST = 32  # centers whose distances all rows are given; the others, those that rise to the front
CENTERS_AT_ONCE = 256  # of those that a row has missed
TAKEN = -1.0  # below every squared distance


def lazy_k_center(rows: Rows, labeled: Int64, budget: int, rng: np.random.Generator) -> Int64:
    """Return `budget` positions, each the one farthest from the labeled and those before it.

    The same as `covering.greedy_k_center` returns: Euclidean distances, ties to the lowest
    position, the first drawn by `rng` where nothing is labeled. O(N D) time and O(N) memory beyond
    the rows, and for each pick O(D) for the 512 to 4,096 rows in front and for what rises there;
    O(N D B) at worst.

    Args:
        rows: (N, D).
        labeled: positions that are centers already.
        budget: at most N less the number labeled.
        rng: used for the first center only.

    Raises:
        ValueError: where the budget is not between 1 and what is left.
    """
    check_budget(budget, len(rows) - len(labeled))
    picks = [] if len(labeled) else [int(rng.integers(len(rows)))]
    cover = _LazyCover(rows, np.concatenate([labeled, np.array(picks, dtype=np.int64)]))
    while len(picks) < budget:
        picks.append(cover.farthest())
        cover.add(picks[-1])
    return np.array(picks, dtype=np.int64)


class _LazyCover:
    """Squared distances (N,) to the nearest of the first `seen` (N,) centers: bounds from above."""

    def __init__(self, rows: Rows, centers: Int64) -> None:
        self._rows = rows
        self._centers = list(map(int, centers))
        self._bounds = np.full(len(rows), np.inf, dtype=np.float32)
        self._seen = np.zeros(len(rows), dtype=np.int64)
        for part, points in rows.blocks():
            self._update(part, points, 0, min(len(centers), FIRST))
        self._bounds[centers] = TAKEN
        self._fill_front()

    def farthest(self) -> int:
        """Return the position of the row that is farthest from all centers."""
        while True:
            # The front is ascending, so that the first of equals is at the lowest position.
            row = int(self._front[np.argmax(self._bounds[self._front])])
            if (self._bounds[row], -row) >= (self._lowest, -self._last_of_lowest):
                return row
            self._fill_front()

    def add(self, center: int) -> None:
        self._bounds[center] = TAKEN
        self._centers.append(center)
        self._update(self._front, self._front_points, len(self._centers) - 1, len(self._centers))
        self._bounds[center] = TAKEN

    def _update(self, rows: slice | Int64, points: Float32, first: int, last: int) -> None:
        """Count centers first to last - 1 for some rows, which have seen those before."""
        centers = self._rows[np.array(self._centers[first:last])]
        away = distances.to_nearest(points, centers)
        self._bounds[rows] = np.minimum(self._bounds[rows], away)
        self._seen[rows] = last

    def _fill_front(self) -> None:
        """Bring up to date what has the largest bounds, until these are distances themselves."""
        fewest, most = FRONT
        size = min(len(self._rows), max(fewest, min(most, len(self._rows) // FRONT_SHARE)))
        front, ahead = self._largest(size), size
        while np.any(self._stale(front)):
            ahead = min(2 * ahead, len(self._rows))  # what comes next is soon looked at as well
            largest = self._largest(ahead)
            for part in chunks(ahead, BLOCK):
                rows = largest[part]
                self._refresh(rows[self._stale(rows)])
            front = self._largest(size)
        self._front, self._front_points = front, self._rows[front]

    def _largest(self, size: int) -> Int64:
        """Return the rows (size,) with the largest bounds, ascending; of equals the first."""
        self._lowest = np.partition(self._bounds, -size)[-size]
        above = np.flatnonzero(self._bounds > self._lowest)
        equal = np.flatnonzero(self._bounds == self._lowest)[: size - len(above)]
        self._last_of_lowest = equal[-1]
        return np.sort(np.concatenate([above, equal]))

    def _stale(self, rows: Int64) -> npt.NDArray[np.bool_]:
        return self._seen[rows] < len(self._centers)

    def _refresh(self, rows: Int64) -> None:
        for seen in np.unique(self._seen[rows]):
            behind = rows[self._seen[rows] == seen]
            points = self._rows[behind]
            for centers in chunks(len(self._centers) - seen, CENTERS_AT_ONCE):
                self._update(behind, points, seen + centers.start, seen + centers.stop)
