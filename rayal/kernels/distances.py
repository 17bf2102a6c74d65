"""Squared Euclidean distances without their matrix: O(N) memory beyond the points.

Differences are squared and summed as such: the expansion x.x - 2 x.c + c.c would give duplicates
a distance above or below zero. `Centers` alone expand, for speed, without what is common to them.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from rayal.kernels.common_part import large_common_part, without

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

ROWS = 1024  # worked on at once where a temporary as wide as the features is needed
# Widths at which faiss transposes rows in groups and rounds the rows left over differently, so
# that equal rows at two positions would get two distances.
GROUPED_WIDTHS = frozenset({2, 4, 8, 12})


def to_one_center(points: Float32, center: Float32) -> Float32:
    """Return (N,) distances of points (N, D) to a center (D,), both C-contiguous.

    Equal rows have equal distances, wherever they stand; rows equal to the center have 0.
    """
    rows, width = points.shape
    distances = np.empty(rows, dtype=np.float32)
    out, x, y = (faiss.swig_ptr(array) for array in (distances, center, points))
    if width in GROUPED_WIDTHS:
        positions = np.arange(rows)
        faiss.fvec_L2sqr_by_idx(  # type: ignore[attr-defined]  # made by SWIG
            out, x, y, faiss.swig_ptr(positions), width, 1, rows
        )
    else:
        faiss.fvec_L2sqr_ny(out, x, y, width, rows)  # type: ignore[attr-defined]
    return distances


def to_nearest(points: Float32, centers: Float32) -> Float32:
    """Return (N,) distances of points (N, D) to the nearest of K centers (K, D); O(N K D)."""
    nearest = np.empty(len(points), dtype=np.int64)
    distances = np.empty(len(points), dtype=np.float32)
    faiss.knn_extra_metrics(  # type: ignore[attr-defined]  # its L2 takes differences
        faiss.swig_ptr(points),
        faiss.swig_ptr(centers),
        points.shape[1],
        len(points),
        len(centers),
        faiss.METRIC_L2,
        0.0,
        1,
        faiss.swig_ptr(distances),
        faiss.swig_ptr(nearest),
    )
    return distances


def to_own_center(
    points: npt.NDArray[np.floating[Any]], clusters: Int64, centers: Float32
) -> Float32:
    """Return (N,) distances of points (N, D) to the center (of K, D) of their cluster (N,)."""
    distances = np.empty(len(points), dtype=np.float32)
    for start in range(0, len(points), ROWS):
        rows = slice(start, start + ROWS)
        difference = points[rows] - centers[clusters[rows]]
        distances[rows] = np.einsum("nd,nd->n", difference, difference)
    return distances


def nearest_center(points: Float32, centers: Float32) -> Int64:
    """Return (N,) which of the centers (K, D) is nearest to each point (N, D)."""
    return Centers(centers).nearest(points)[0]


class Centers:
    """Centers (K, D), looked through for many blocks of points."""

    def __init__(self, centers: Float32) -> None:
        self._common = large_common_part(centers)
        self._index = faiss.IndexFlatL2(centers.shape[1])
        self._index.add(np.ascontiguousarray(without(centers, self._common), dtype=np.float32))

    def nearest(self, points: Float32) -> tuple[Int64, Float32]:
        """Return which is nearest to each point of (n, D), (n,), and squared distances, rounded."""
        away, nearest = self._index.search(without(points, self._common), 1)
        return np.asarray(nearest[:, 0], dtype=np.int64), np.asarray(away[:, 0], dtype=np.float32)


def inner_products(points: Float32, vector: Float32) -> Float64:
    """Return (N,) products of points (N, D) with a vector (D,), both C-contiguous."""
    products = np.empty(len(points), dtype=np.float32)
    faiss.fvec_inner_products_ny(  # type: ignore[attr-defined]  # made by SWIG
        faiss.swig_ptr(products),
        faiss.swig_ptr(vector),
        faiss.swig_ptr(points),
        points.shape[1],
        len(points),
    )
    return products.astype(np.float64)
