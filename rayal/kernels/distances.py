"""Squared Euclidean distances without their matrix: O(N) memory beyond the points.

Differences are squared and summed as such: the expansion x.x - 2 x.c + c.c would give duplicates
a distance above or below zero.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

ROWS = 1024  # worked on at once where a temporary as wide as the features is needed


def to_one_centre(points: Float32, centre: Float32) -> Float32:
    """Return (N,) distances of points (N, D) to a centre (D,), both C-contiguous."""
    distances = np.empty(len(points), dtype=np.float32)
    faiss.fvec_L2sqr_ny(  # type: ignore[attr-defined]  # made by SWIG
        faiss.swig_ptr(distances),
        faiss.swig_ptr(centre),
        faiss.swig_ptr(points),
        points.shape[1],
        len(points),
    )
    return distances


def to_own_centre(
    points: npt.NDArray[np.floating[Any]], clusters: Int64, centres: Float32
) -> Float32:
    """Return (N,) distances of points (N, D) to the centre (of K, D) of their cluster (N,)."""
    distances = np.empty(len(points), dtype=np.float32)
    for start in range(0, len(points), ROWS):
        rows = slice(start, start + ROWS)
        difference = points[rows] - centres[clusters[rows]]
        distances[rows] = np.einsum("nd,nd->n", difference, difference)
    return distances


def nearest_centre(points: Float32, centres: Float32) -> Int64:
    """Return (N,) which of the centres (K, D) is nearest to each point (N, D)."""
    index = faiss.IndexFlatL2(centres.shape[1])
    index.add(centres)
    return np.asarray(index.search(points, 1)[1][:, 0], dtype=np.int64)
