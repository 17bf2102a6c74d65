"""Squared distances between many rows by matrix products, and how far these may be off.

|x - c|^2 = |x|^2 - 2 x.c + |c|^2 is fast and inexact: equal rows do not come out at 0, and the last
digits depend on the number of threads. So it serves here for bounds alone: what it cannot decide
is decided by `rayal.kernels.distances` or by `exact`, and no answer depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

COLUMNS = 8192  # worked on at once
UNIT_ROUNDOFF = 2.0**-24  # unit roundoff of float32


def squared_distances(rows: Float32, columns: Float32) -> Float32:
    """Return squared distances (m, n) of rows (m, D) to columns (n, D), off by `error_bound`.

    They may be negative.
    """
    squared = np.asarray((-2 * rows) @ columns.T)
    squared += np.einsum("nd,nd->n", columns, columns)
    squared += np.einsum("nd,nd->n", rows, rows)[:, None]
    return squared


def left_factor(rows: Float32) -> Float32:
    """Return (m, D + 2) of rows (m, D): its product with a `right_factor` are squared distances.

    They are off by `error_bound`, and may be negative. The second last column are squared lengths.
    """
    return np.column_stack([-2 * rows, _squared_lengths(rows), np.ones(len(rows), np.float32)])


def right_factor(columns: Float32) -> Float32:
    """Return (n, D + 2) of columns (n, D), for products with a `left_factor`."""
    lengths = _squared_lengths(columns)
    return np.column_stack([columns, np.ones(len(columns), np.float32), lengths])


def _squared_lengths(points: Float32) -> Float32:
    """Return squared lengths (n,), rounded once: what the products round comes on top."""
    return np.asarray(np.einsum("nd,nd->n", points, points, dtype=np.float64), np.float32)


def error_bound(points: Float32) -> float:
    """Return how far `squared_distances` of points (N, D), in any order of sums, may be off.

    (D + 8) u sum|terms|, with at most 4 max|x|^2 for the sum (Higham 2002, section 3.1).
    """
    longest = max((float(norms.max()) for norms in _norms(points)), default=0.0)
    return float((points.shape[1] + 8) * UNIT_ROUNDOFF * 4 * longest)


def exact(points: Float32, first: Int64, second: Int64) -> Float64:
    """Return squared distances (n,) of pairs of points, from their differences in float64."""
    squared = np.empty(len(first))
    for start in range(0, len(first), COLUMNS):
        pairs = slice(start, start + COLUMNS)
        difference = points[first[pairs]].astype(np.float64) - points[second[pairs]]
        squared[pairs] = np.einsum("nd,nd->n", difference, difference)
    return squared


def chunks(n: int, size: int = COLUMNS) -> Iterator[slice]:
    """Cut range(n) into slices of at most `size`."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _norms(points: Float32) -> Iterator[Float32]:
    return (np.einsum("nd,nd->n", points[c], points[c]) for c in chunks(len(points)))
