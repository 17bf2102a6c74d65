"""Covering a pool with smooth kernels (MaxHerding), by lazy greedy choice.

Minoux 1978: what a choice gains never grows, so an old gain bounds the new one, and most need not
be worked out again. Bounds come from matrix products, the gains that decide from differences: the
answer is that of the plain greedy rule, whatever the number of threads.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances, gemm_distances
from rayal.kernels.greedy_balance import ClassBalance
from rayal.kernels.kept_rows import TOGETHER, KeptRows
from rayal.kernels.unique_rows import distinct_rows
from rayal.kernels.validation import as_points, check_budget

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Near = Int64 | slice

BLOCK = 128  # bounds renewed at once
TILE = 256  # rows and columns of kernels that are made or mirrored at once
STEP = 2.0**-24  # kernels are whole numbers of it, so that sums of their differences are exact
UNIT_WIDTH = 1.0  # of a kernel on features of unit length (Bae et al. 2024)
NARROWEST = 1e-15  # kernel: its square is still above 0 in float32
ALL_KEPT = 2 << 30  # bytes up to which all kernels are made at once and kept: 23,170 points
KEPT = 1 << 30  # bytes of kernels that are kept of more points, at most
SLACK = 1e-5  # relative error of float32 exponentials, generously
NEAR = 2.0**-8  # widths from their mean up to which rows are spread out: kernels are nearly 1 there
SPREAD = 32.0  # width, in place of sigma, of the kernel on rows that are spread out to reach 1
LANE = 32  # numbers added in float32, in any order; their sums are added in float64
SUM_SLACK = (LANE + 4) * 2.0**-24  # relative error of that, with two roundings of weighted numbers


def greedy_herding(
    features: npt.NDArray[np.floating[Any]],
    labeled: Int64,
    budget: int,
    sigma: float,
    weights: npt.NDArray[np.floating[Any]] | None = None,
) -> Int64:
    """Return `budget` positions, each adding most to sum_x w(x) max_s k(x, s).

    x runs over all points, s over the labeled and those before it; k(x, s) = exp(-|x - s|^2 /
    sigma^2). The sum is at least 1 - 1/e of the largest possible (Bae et al. 2024). Ties go to the
    lowest position, so once nothing is gained, as by a copy, the lowest positions follow; warns
    where these are no copies, but too near to one another for the width, or where all points are
    too far from one another for it. Usual time O(N^2 D), O(N^2 D B) at worst; memory O(N D), and 4
    N^2 bytes up to ALL_KEPT, KEPT bytes beyond.

    Args:
        features: (N, D).
        labeled: positions that are chosen already.
        budget: at most N less the number labeled.
        sigma: at least 1e-15.
        weights: (N,) at least 0; all one by default.

    Raises:
        ValueError: where the budget is not between 1 and what is left, or sigma too small.
    """
    _check(features, labeled, budget, sigma)
    points = as_points(features)
    first, copies_of = np.unique(distinct_rows(points), return_inverse=True)
    mass = np.bincount(copies_of, weights=weights).astype(np.float64)
    different = points[first]
    cover = cover_of(different, different, mass, sigma)
    known = np.unique(copies_of[labeled])
    for row in known:
        cover.add(row)
    candidates = np.setdiff1d(np.arange(len(first)), known)
    chosen = np.fromiter(choose_lazily(cover, candidates, budget), np.int64)
    picks = first[chosen]
    if weights is None and not len(labeled) and len(points) > 1:
        _warn_if_alone(cover, int(chosen[0]))
    if len(picks) < budget:
        _warn_if_too_near(np.setdiff1d(candidates, chosen), mass, sigma)
    rest = np.setdiff1d(np.arange(len(points)), np.concatenate([labeled, picks]))
    return np.concatenate([picks, rest[: budget - len(picks)]])


def balanced_herding(
    features: npt.NDArray[np.floating[Any]],
    labeled: Int64,
    budget: int,
    sigma: float,
    balance: ClassBalance,
) -> Int64:
    """Return `budget` positions, each adding most to sum_x max_s k(x, s) less its cost.

    As greedy_herding, but what the classes lack after an image counts against it. Ties go to the
    lowest position.

    Args:
        features: (N, D).
        labeled: positions that are chosen already.
        budget: at most N less the number labeled.
        sigma: at least 1e-15.
        balance: of the N points.

    Raises:
        ValueError: where the budget is not between 1 and what is left, or sigma too small.
    """
    _check(features, labeled, budget, sigma)
    points = as_points(features)
    cover = Cover(points, points, np.ones(len(points)), sigma)
    for row in labeled:
        cover.add(row)
    bounds = np.full(len(points), -1.0)
    left = np.setdiff1d(np.arange(len(points)), labeled)
    for rows in gemm_distances.chunks(len(left), BLOCK):
        bounds[left[rows]] = cover.bounds(left[rows])
    fresh = np.ones(len(bounds), dtype=bool)
    picks = np.empty(budget, dtype=np.int64)
    for number in range(budget):
        pick, _ = _best(cover, bounds, fresh, costs=balance.costs(), least=-np.inf)
        cover.add(pick)
        balance.add(pick)
        bounds[pick] = -1
        fresh[:] = False
        picks[number] = pick
    return picks


def _check(
    features: npt.NDArray[np.floating[Any]], labeled: Int64, budget: int, sigma: float
) -> None:
    check_budget(budget, len(features) - len(labeled))
    if not sigma >= NARROWEST:
        raise ValueError(
            f"sigma must be at least {NARROWEST:g}, but is {sigma:g}; widen the kernel"
        )


def _warn_if_alone(cover: Cover, first: int) -> None:
    """Warn where the first choice, which covers most, covers itself alone: all are as good."""
    kernel = cover.kernel_between(cover.points, first)
    if cover.mass[first] == np.count_nonzero(kernel) == 1:
        warnings.warn(
            f"no row of features is near enough to another for a kernel of sigma={cover.sigma:g}, "
            "so each covers itself alone and those that are chosen follow in the order of the "
            "rows; give a larger sigma",
            stacklevel=3,
        )


def _warn_if_too_near(left: Int64, mass: Float64, sigma: float) -> None:
    """Warn where candidates (n,) are left that count, and that nothing is gained by."""
    if too_near := np.count_nonzero(mass[left]):
        warnings.warn(
            f"{too_near:,} of {len(mass):,} different rows of features are so near to others that "
            f"a kernel of sigma={sigma:g} does not tell them apart: those that are chosen follow "
            "in the order of the rows; give a smaller sigma or a smaller budget",
            stacklevel=3,
        )


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


def choose_lazily(cover: Cover, candidates: Int64, budget: int) -> Iterator[int]:
    """Yield candidates (n,), the one with the largest gain first, until nothing is gained."""
    bounds = np.full(len(cover.candidates), -1.0)
    for rows in gemm_distances.chunks(len(candidates), BLOCK):
        bounds[candidates[rows]] = cover.bounds(candidates[rows])
    fresh = np.ones(len(bounds), dtype=bool)
    for _ in range(min(budget, len(candidates))):
        pick, gain = _best(cover, bounds, fresh)
        if gain <= 0:
            return
        cover.add(pick)
        bounds[pick] = -1
        fresh[:] = False
        yield pick


def _best(
    cover: Cover,
    bounds: Float64,
    fresh: npt.NDArray[np.bool_],
    *,
    costs: Float64 | float = 0.0,
    least: float = 0.0,
) -> tuple[int, float]:
    """Return the row with the largest gain less its cost, and that; bounds, fresh are brought on.

    Rows with a negative bound are out of the question, and those with no more than `least`: -1.
    """
    pick, value = -1, least
    charges = np.broadcast_to(np.asarray(costs, dtype=np.float64), bounds.shape)
    settled, rows = bounds < 0, np.arange(len(bounds))
    while True:
        most = bounds - charges
        hopeful = np.flatnonzero(~settled & ((most > value) | ((most == value) & (rows < pick))))
        if len(hopeful) == 0:
            return pick, value
        row = int(hopeful[most[hopeful].argmax()])
        if not fresh[row]:
            stale = _largest(hopeful[~fresh[hopeful]], most)
            bounds[stale] = np.minimum(bounds[stale], cover.bounds(stale))
            fresh[stale] = True
            continue
        gain = cover.gain(row)
        bounds[row] = gain  # rounded as it is, it never grows: its terms fall, in the same order
        settled[row] = True
        of_row = gain - float(charges[row])
        if of_row > value or (of_row == value and row < pick):
            pick, value = row, of_row


def _largest(rows: Int64, bounds: Float64) -> Int64:
    """Return the BLOCK rows with the largest bounds."""
    if len(rows) <= BLOCK:
        return rows
    return rows[np.argpartition(-bounds[rows], BLOCK)[:BLOCK]]
