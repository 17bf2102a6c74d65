"""How well points are covered by some of them, by smooth kernels; bounds of what a choice gains.

Bounds come from matrix products, the gains that decide from differences of features.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances, gemm_distances
from rayal.kernels.kept_rows import TOGETHER, KeptRows

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Near = Int64 | slice

TILE = 256  # rows and columns of kernels that are made or mirrored at once
STEP = 2.0**-24  # kernels are whole numbers of it, so that sums of their differences are exact
ALL_KEPT = 2 << 30  # bytes up to which all kernels are made at once and kept: 23,170 points
KEPT = 1 << 30  # bytes of kernels that are kept of more points, at most
SLACK = 1e-5  # relative error of float32 exponentials, generously
NEAR = 2.0**-8  # widths from their mean up to which rows are spread out: kernels are nearly 1 there
SPREAD = 32.0  # width, in place of sigma, of the kernel on rows that are spread out to reach 1
LANE = 32  # numbers added in float32, in any order; their sums are added in float64
SUM_SLACK = (LANE + 4) * 2.0**-24  # relative error of that, with two roundings of weighted numbers


@dataclass
class Cover:
    """How well points (m, D) are covered by what is chosen of candidates (n, D).

    mass (m,): how much each point counts, at least 0.
    """

    candidates: Float32
    points: Float32
    mass: Float64
    sigma: float
    _last: tuple[int, Near, Float32] = field(
        default=(-1, slice(0), np.empty(0, np.float32)), init=False
    )

    @cached_property
    def covered(self) -> Float32:
        """The largest kernel (m,) to what is chosen, so far 0."""
        return np.zeros(len(self.points), dtype=np.float32)

    @cached_property
    def error(self) -> float:
        parts = (self.candidates[rows] for rows in gemm_distances.chunks(len(self.candidates)))
        # Twice: the distances that decide are rounded as well.
        return 2 * max(map(gemm_distances.error_bound, parts)) / self.sigma**2 + SLACK

    def kernel_between(self, points: Float32, row: int) -> Float32:
        """Return the kernel (k,) of other points (k, D) and a row."""
        squared = distances.to_one_center(points, self.candidates[row])
        kernel = np.exp(squared / np.float32(-(self.sigma**2)))
        return np.asarray(np.rint(kernel / np.float32(STEP)) * np.float32(STEP))

    def add(self, row: int) -> None:
        near, kernel = self._kernel_near(row)
        self.covered[near] = np.maximum(self.covered[near], kernel)

    def gain(self, row: int) -> float:
        return float(np.sum(self.added(row)))

    def added(self, row: int) -> Float64:
        """Return what the row adds to the cover of each point, (m,)."""
        near, kernel = self._kernel_near(row)
        added = np.zeros(len(self.points))
        added[near] = self.mass[near] * np.maximum(kernel - self.covered[near], 0)
        return added

    def _kernel_near(self, row: int) -> tuple[Near, Float32]:
        """Return points, all that the row covers better than they are, and its kernel to these.

        Others may be among them. The last ones are kept: a row is weighed, then chosen.
        """
        if row != self._last[0]:
            near = self._near(row)
            self._last = row, near, self.kernel_between(self.points[near], row)
        return self._last[1:]

    def _near(self, row: int) -> Near:
        """Return points of which those left out are covered as well as by the row, or better."""
        from_above = self._kept.row(row)
        if from_above is None:
            return slice(None)
        least = np.maximum(self.covered - np.float32(STEP), np.float32(STEP / 4))  # 0 if rounded
        near = np.flatnonzero(from_above > least)
        return near if 2 * len(near) < len(self.points) else slice(None)  # copied, all but a view

    def bounds(self, rows: Int64) -> Float64:
        """Return what the gains of the rows (m,) cannot be above."""
        sums = np.empty(len(rows))
        for positions, kernels in self._kept.visit(rows, self._write_kernels_from_above):
            sums[positions] = self._sums_after(kernels, self._after[: len(positions)])
        gains = sums * (1 + SUM_SLACK) - self.mass @ self.covered
        return np.asarray((gains + STEP * self.mass.sum()) * (1 + SLACK))

    def _sums_after(self, kernels: Iterable[Float32], room: Float32) -> Float64:
        """Return sums (k,) over x of w(x) max(k(x), covered(x)) of k kernels (m,)."""
        after = room[:, : len(self.points)]
        for kernel, out in zip(kernels, after, strict=True):
            np.maximum(kernel, self.covered, out=out)
        if self._counts_differ:
            after *= self._mass32
        lanes = room.reshape(-1, LANE) @ np.ones(LANE, dtype=np.float32)
        return np.asarray(lanes.reshape(len(room), -1).sum(axis=1, dtype=np.float64))

    @cached_property
    def _after(self) -> Float32:
        """Room for covers after the choice of some rows, with zeros up to a multiple of LANE."""
        return np.zeros((TOGETHER, -(-len(self.points) // LANE) * LANE), dtype=np.float32)

    def _write_kernels_from_above(self, rows: Int64, kernels: Float32) -> None:
        """Write kernels (m, points) of the rows (m,), none lower than it is."""
        candidates = self._left_factor(rows)
        for columns in gemm_distances.chunks(len(self.points)):
            self._write_block(candidates, columns, kernels[:, columns])

    def _write_block(self, candidates: Float32, columns: slice, block: Float32) -> None:
        """Write kernels (m, n) of left factors (m, D + 2) and some points; none is above 1."""
        np.matmul(candidates, self._points[columns].T, out=block)
        block *= np.float32(-1 / self.sigma**2)
        # A row of zeros: numpy's minimum with a number takes four times as long.
        np.minimum(block, np.zeros(block.shape[1], dtype=np.float32), out=block)
        np.exp(block, out=block)

    def _all_kernels_from_above(self) -> Float32:
        """Return kernels (n, n) where candidates are the points: each pair is worked out once."""
        N = len(self.points)
        kernels = np.empty((N, N), dtype=np.float32)
        tile = np.empty((TILE, TILE), dtype=np.float32)  # worked on in a cache
        candidates = self._left_factor(np.arange(N))
        for rows in gemm_distances.chunks(N, TILE):
            for columns in gemm_distances.chunks(rows.stop, TILE):
                block = tile[: rows.stop - rows.start, : columns.stop - columns.start]
                self._write_block(candidates[rows], columns, block)
                kernels[columns, rows] = block.T
                kernels[rows, columns] = block
        return kernels

    def _left_factor(self, rows: Int64) -> Float32:
        """Return the factor (m, D + 2) of candidates (m,) whose distances are never too long."""
        factor = gemm_distances.left_factor(self.candidates[rows])
        factor[:, -2] -= np.float32(self.error * self.sigma**2)
        return factor

    @cached_property
    def _points(self) -> Float32:
        return gemm_distances.right_factor(self.points)

    @cached_property
    def _mass32(self) -> Float32:
        return self.mass.astype(np.float32)

    @cached_property
    def _counts_differ(self) -> bool:
        return bool(np.any(self.mass != 1))

    @cached_property
    def _kept(self) -> KeptRows:
        if self.candidates is self.points and 4 * len(self.points) ** 2 <= ALL_KEPT:
            return KeptRows.from_matrix(self._all_kernels_from_above())
        return KeptRows(len(self.candidates), len(self.points), KEPT)


def cover_of(candidates: Float32, points: Float32, mass: Float64, sigma: float) -> Cover:
    """Return the cover of points (m, D) by candidates (n, D), in which near ones are told apart.

    Features with a large common part have kernels 1 - |x - s|^2 / sigma^2 that all round to 1. A
    common factor of these distances changes no greedy choice, so they are spread out about their
    mean. Features that are not so near are taken as they are, to the bit.
    """
    mean = points.mean(axis=0, dtype=np.float64)
    center = mean.astype(np.float32)
    reach = max(
        math.sqrt(distances.to_one_center(rows, center).max()) for rows in (candidates, points)
    )
    if not 0 < reach <= NEAR * sigma:
        return Cover(candidates, points, mass, sigma)
    spread = np.asarray((points - mean) / reach, dtype=np.float32)
    if candidates is points:
        return Cover(spread, spread, mass, SPREAD)
    return Cover(np.asarray((candidates - mean) / reach, dtype=np.float32), spread, mass, SPREAD)
