"""Open balls of one radius around points: which points they hold, worked out when it is asked.

Nothing is kept, so that memory is O(N) beyond the points, however many neighbors they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rayal.kernels import gemm_distances

Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

ROWS = 255  # balls worked on at once: as many as can be counted in one byte


@dataclass(frozen=True, eq=False)
class Balls:
    """points (N, D); error: of squared distances by products, `gemm_distances.error_bound`."""

    points: Float32
    squared_radius: float
    error: float

    def hold(self, centers: Int64, columns: slice) -> Bool:
        """Return (m, n) whether the balls of m centers hold the n points in the slice."""
        squared = gemm_distances.squared_distances(self.points[centers], self.points[columns])
        inside: Bool = squared < self.squared_radius - self.error
        maybe: Bool = squared <= self.squared_radius + self.error
        if not np.array_equal(inside, maybe):
            unsure = np.divmod(np.flatnonzero(maybe ^ inside), inside.shape[1])
            inside[unsure] = self.holds(centers[unsure[0]], columns.start + unsure[1])
        return inside

    def holds(self, centers: Int64, others: Int64) -> Bool:
        """Return (n,) whether the ball of each center holds the point beside it."""
        return gemm_distances.exact(self.points, centers, others) < self.squared_radius

    def covered_by(self, centers: Int64) -> Bool:
        """Return (N,) whether each point is in one of the balls."""
        covered = np.zeros(len(self.points), dtype=bool)
        for block, columns in self._blocks(centers):
            covered[columns] |= self.hold(block, columns).any(axis=0)
        return covered

    def counts(self, centers: Int64) -> Int64:
        """Return (N,) how many of the balls hold each point: as many as its ball has centers in."""
        counts = np.zeros(len(self.points), dtype=np.int64)
        for block, columns in self._blocks(centers):
            inside = self.hold(block, columns).view(np.uint8)
            counts[columns] += np.add.reduce(inside, axis=0, dtype=np.uint8)
        return counts

    def _blocks(self, centers: Int64) -> Iterator[tuple[Int64, slice]]:
        for columns in gemm_distances.chunks(len(self.points)):
            for rows in gemm_distances.chunks(len(centers), ROWS):
                yield centers[rows], columns
