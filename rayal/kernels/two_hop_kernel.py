"""A + A^2 of a sparse graph A, a row at a time: A^2 of a million rows would fill the memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]

STEP = 2.0**-30  # kernels are whole numbers of it, so that sums of their differences are exact


class TwoHopKernel:
    """K = A + A^2 (N, N) of a symmetric graph (N, N), at least 0; O(edges) memory."""

    def __init__(self, graph: csr_array) -> None:
        self._graph = graph
        self.shape = graph.shape

    def row(self, row: int) -> tuple[Int32, Float64]:
        """Return columns (n,), ascending, and the numbers (n,) in them."""
        starts, columns, values = self._graph.indptr, self._graph.indices, self._graph.data
        own = slice(starts[row], starts[row + 1])
        hops = [slice(starts[c], starts[c + 1]) for c in columns[own]]
        reached = np.concatenate([columns[own], *(columns[hop] for hop in hops)])
        paths = [values[own], *(v * values[h] for v, h in zip(values[own], hops, strict=True))]
        present, at = np.unique(reached, return_inverse=True)
        sums = np.bincount(at, weights=np.concatenate(paths), minlength=len(present))
        return present, np.rint(sums / STEP) * STEP

    def sums(self) -> Float64:
        """Return what the sum of each row (N,) is not above."""
        once = np.asarray(self._graph.sum(axis=1)).ravel()
        starts, degrees = self._graph.indptr, np.diff(self._graph.indptr)
        paths = np.append(0, np.cumsum(degrees[self._graph.indices], dtype=np.int64))
        entries = degrees + paths[starts[1:]] - paths[starts[:-1]]
        bounds: Float64 = (once + self._graph @ once) * (1 + 1e-9) + STEP * entries
        return bounds
