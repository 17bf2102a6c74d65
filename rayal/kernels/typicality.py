"""Typical members of a group: those whose nearest neighbors are near (Hacohen et al. 2022)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances, gemm_distances

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

BLOCK = 2**22  # distances held at once


def most_typical(points: Float32, k: int, lower: Float64 | None = None) -> int:
    """Return the position of the row with the smallest mean distance to its k nearest others.

    Ties go to the lowest position. All pairs are looked at, O(n^2 D), in blocks of rows. Where rows
    are taken away no mean of the others falls: of what a first call found they cannot be below, a
    later one works out again what may be the smallest, O(n D) each.

    Args:
        points: (n, D), n > k, C-contiguous.
        k: at least 1.
        lower: what the means (n,) cannot be below, raised in place; -inf throughout at first.
    """
    if lower is None:
        lower = np.full(len(points), -np.inf)
    if np.isneginf(lower).any():
        lower[:] = _lower_bounds_of_means(points, k)
    smallest, best = np.inf, 0
    for position in map(int, np.argsort(lower, kind="stable")):
        if lower[position] > smallest or smallest == 0:
            break
        lower[position] = mean = _mean_distance(points, position, k)
        if (mean, position) < (smallest, best):
            smallest, best = mean, position
    return best


class MeanBounds:
    """What mean distances of N rows cannot be below, as far as `most_typical` has worked it out.

    Groups of rows from which the most typical is taken again and again, each row in one group.
    What was found for another number of neighbors counts for nothing.
    """

    def __init__(self, N: int) -> None:
        self._lower = np.full(N, -np.inf)
        self._neighbors = np.zeros(N, dtype=np.int64)

    def most_typical(self, points: Float32, members: Int64, k: int) -> int:
        """Return the place of the most typical member, as `most_typical`.

        Args:
            points: (n, D), rows of the members.
            members: (n,) which rows they are, of those left in their group.
            k: at least 1, below n.
        """
        known = self._neighbors[members] == k
        lower = np.where(known, self._lower[members], -np.inf)
        place = most_typical(points, k, lower)
        self._lower[members], self._neighbors[members] = lower, k
        return place


def typicality(points: Float32, k: int) -> Float64:
    """Return the inverse (n,) of each row's mean distance to its k nearest others.

    Of copies, whose mean is 0, it is the largest that others have, times as much again; all are 1
    where all rows are copies.

    Args:
        points: (n, D), n > k, C-contiguous.
        k: at least 1.
    """
    means = np.array([_mean_distance(points, row, k) for row in range(len(points))])
    if not means.any():
        return np.ones(len(points))
    return np.asarray(1 / np.where(means > 0, means, means[means > 0].min() / 2))


def _mean_distance(points: Float32, position: int, k: int) -> float:
    squared = distances.to_one_center(points, points[position])
    squared[position] = np.inf
    # Sorted, so that equal distances in another order have an equal sum.
    nearest = np.sort(np.partition(squared, k - 1)[:k]).astype(np.float64)
    return float(np.sqrt(nearest).mean())


def _lower_bounds_of_means(points: Float32, k: int) -> Float64:
    """Return what each row's mean distance (n,) cannot be below, at least 0."""
    # Twice: the distances that decide are rounded as well.
    error = 2 * gemm_distances.error_bound(points)
    lower = np.empty(len(points))
    for block in gemm_distances.chunks(len(points), max(64, BLOCK // len(points))):
        squared = gemm_distances.squared_distances(points[block], points)
        rows = np.arange(len(squared))
        squared[rows, block.start + rows] = np.inf
        nearest = np.partition(squared, k - 1, axis=1)[:, :k].astype(np.float64)
        lower[block] = np.sqrt(np.maximum(nearest - error, 0)).mean(axis=1)
    return lower * (1 - 1e-12)  # the means themselves are rounded
