"""Which rows of a matrix are equal, without a copy of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

ROWS = 8192  # hashed at once
SEED = 20  # any: hashes decide nothing but the time needed


def distinct_rows(points: Float32) -> Int64:
    """Return for each row (N,) of points (N, D) the position of the first row equal to it.

    -0.0 equals 0.0. O(N) memory beyond the points.
    """
    draw = np.random.default_rng(SEED)
    while True:
        factors = draw.integers(2**64, size=points.shape[1:], dtype=np.uint64)
        factors |= np.uint64(1)
        first = _first_of_equal_hash(_hashes(points, factors))
        # Different rows may have one hash by chance: other factors then keep them apart.
        if _all_equal(points, first):
            return first


def groups_of_equals(values: npt.NDArray[np.floating[Any]], points: Float32) -> Int64:
    """Return for each row (N,) the number, from 0, of the rows with its value and its points.

    Args:
        values: (N,).
        points: (N, D).
    """
    _, same_value = np.unique(values, return_inverse=True)
    same_points = distinct_rows(np.ascontiguousarray(points, dtype=np.float32))
    return np.unique(same_value * len(values) + same_points, return_inverse=True)[1]


def _hashes(points: Float32, factors: Hashes) -> Hashes:
    """Return (N,) products of the rows' bits with the factors, modulo 2 ** 64."""
    hashes = np.empty(len(points), dtype=np.uint64)
    for start in range(0, len(points), ROWS):
        positive_zero = points[start : start + ROWS] + np.float32(0)  # -0.0 has other bits
        hashes[start : start + ROWS] = positive_zero.view(np.uint32) @ factors
    return hashes


def _first_of_equal_hash(hashes: Hashes) -> Int64:
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    return np.asarray(first[group], dtype=np.int64)


def _all_equal(points: Float32, first: Int64) -> bool:
    doubtful = np.flatnonzero(first != np.arange(len(first)))
    for start in range(0, len(doubtful), ROWS):
        rows = doubtful[start : start + ROWS]
        if not np.array_equal(points[rows], points[first[rows]]):
            return False
    return True
