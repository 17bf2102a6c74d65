"""Greedy choices that work out few gains: what a choice gains never grows (Minoux 1978).

So an old gain bounds the new one, and most need not be worked out again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rayal.kernels import gemm_distances
from rayal.kernels.smooth_cover import Cover, Float64, Int64

BLOCK = 128  # bounds renewed at once


class LazyChoice:
    """Finds the candidate of a cover that gains most, by bounds that are renewed as needed."""

    def __init__(self, cover: Cover, candidates: Int64) -> None:
        """Bound the gains of some of the cover's candidates, by their positions (n,)."""
        self._cover = cover
        self._bounds = np.full(len(cover.candidates), -1.0)  # below 0: out of the question
        for rows in gemm_distances.chunks(len(candidates), BLOCK):
            self._bounds[candidates[rows]] = cover.bounds(candidates[rows])
        self._fresh = np.ones(len(self._bounds), dtype=bool)

    def best(self, costs: Float64 | float = 0.0, least: float = 0.0) -> tuple[int, float]:
        """Return the row with the largest gain less its cost, and that; ties go to the lowest row.

        -1 and `least` where no row has more than this.

        Args:
            costs: (n,) of the candidates, or one for all.
            least: what a gain less its cost has to be above.
        """
        pick, value = -1, least
        bounds, fresh = self._bounds, self._fresh
        charges = np.broadcast_to(np.asarray(costs, dtype=np.float64), bounds.shape)
        settled, rows = bounds < 0, np.arange(len(bounds))
        while True:
            most = bounds - charges
            beats = (most > value) | ((most == value) & (rows < pick))
            hopeful = np.flatnonzero(~settled & beats)
            if len(hopeful) == 0:
                return pick, value
            row = int(hopeful[most[hopeful].argmax()])
            if not fresh[row]:
                self._renew(_largest(hopeful[~fresh[hopeful]], most))
                continue
            gain = self._cover.gain(row)
            # Rounded as it is, it never grows: its terms fall, in the same order.
            bounds[row] = gain
            settled[row] = True
            of_row = gain - float(charges[row])
            if of_row > value or (of_row == value and row < pick):
                pick, value = row, of_row

    def take(self, row: int) -> None:
        """Choose a row: others gain less from now on, or as much."""
        self._cover.add(row)
        self._bounds[row] = -1
        self._fresh[:] = False

    def _renew(self, rows: Int64) -> None:
        self._bounds[rows] = np.minimum(self._bounds[rows], self._cover.bounds(rows))
        self._fresh[rows] = True


def choose_lazily(cover: Cover, candidates: Int64, budget: int) -> Iterator[int]:
    """Yield candidates (n,), the one with the largest gain first, until nothing is gained."""
    choice = LazyChoice(cover, candidates)
    for _ in range(min(budget, len(candidates))):
        pick, gain = choice.best()
        if gain <= 0:
            return
        choice.take(pick)
        yield pick


def _largest(rows: Int64, bounds: Float64) -> Int64:
    """Return the BLOCK rows with the largest bounds."""
    if len(rows) <= BLOCK:
        return rows
    return rows[np.argpartition(-bounds[rows], BLOCK)[:BLOCK]]
