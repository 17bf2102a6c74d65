"""Greedy k-center over shards, exactly: one reduction a pick (Gonzalez 1985).

The twin on one machine is `rayal.kernels.covering.greedy_k_center`; the picks are the same. A row's
distance to a center does not depend on the rows around it, and the largest of several shards'
largest is the pool's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.distributed.executor import Executor
from rayal.distributed.shard_rows import ShardRows, rows_at
from rayal.kernels import distances
from rayal.kernels.covering import TAKEN
from rayal.storage.shard_set import ShardSet

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Farthest = tuple[float, int, Float32]  # squared distance, position, the row itself


def k_center(
    executor: Executor, shards: ShardSet, labeled: Int64, budget: int, rng: np.random.Generator
) -> Int64:
    """Return positions (B,), each the one farthest from the labeled and those before it.

    Ties go to the lowest position; where nothing is labeled the first is drawn by `rng`. The
    largest distance to a center is at most twice the smallest possible.
    """
    parts = executor.parts(shards, CoverPart)
    if len(labeled):
        rows = rows_at(shards, labeled)
        picks = [parts.combined_update(_farther, "cover", labeled, rows)]
    else:
        first = int(rng.integers(shards.rows))
        picks = [(0.0, first, rows_at(shards, np.array([first]))[0])]
    while len(picks) < budget:
        _, position, row = picks[-1]
        picks.append(parts.combined_update(_farther, "add", position, row))
    return np.array([position for _, position, _ in picks], dtype=np.int64)


def _farther(first: Farthest, second: Farthest) -> Farthest:
    """Return the farther of two; of equals the one at the lower position."""
    return max(first, second, key=lambda each: (each[0], -each[1]))


class CoverPart:
    """Squared distances of a shard's rows to the nearest center."""

    def __init__(self, rows: ShardRows) -> None:
        self._rows = rows
        self._uncovered = np.full(rows.rows, np.finfo(np.float32).max, dtype=np.float32)

    def cover(self, labeled: Int64, centers: Float32) -> Farthest:
        """Count the distances to labeled rows (L, D)."""

        def step(rows: slice, block: Float32) -> None:
            self._uncovered[rows] = distances.to_nearest(block, centers)

        self._rows.each(step)
        in_shard = (labeled >= self._rows.start) & (labeled < self._rows.start + self._rows.rows)
        self._uncovered[labeled[in_shard] - self._rows.start] = TAKEN
        return self._farthest(int(np.argmax(self._uncovered)))

    def add(self, position: int, center: Float32) -> Farthest:
        """Count the distances to one more center (D,)."""
        if self._rows.start <= position < self._rows.start + self._rows.rows:
            self._uncovered[position - self._rows.start] = TAKEN

        def step(rows: slice, block: Float32) -> tuple[np.float32, int]:
            away = distances.to_one_center(block, center)
            nearest = np.minimum(self._uncovered[rows], away, out=self._uncovered[rows])
            farthest = int(np.argmax(nearest))
            return nearest[farthest], rows.start + farthest

        return self._farthest(max(self._rows.each(step), key=lambda block: block[0])[1])

    def _farthest(self, row: int) -> Farthest:
        position = row + self._rows.start
        return float(self._uncovered[row]), position, self._rows.at(np.array([position]))[0]
