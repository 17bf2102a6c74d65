"""The graph of nearest neighbors, and how far an image speaks for others along two of its edges."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rayal.kernels.common_part import large_common_part, without
from rayal.kernels.gemm_distances import chunks
from rayal.kernels.two_hop_kernel import STEP

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

EXACT = 32_768  # rows up to which all pairs are looked at
PROBED = 16  # beyond: of sqrt(N) cells the nearest so many are searched
TRAINING_STEPS, TRAINING_ROWS = 8, 64  # of the cells' k-means; rows a cell


def nearest_neighbors(features: Float32, k: int) -> Int64:
    """Return the positions (N, k) of the k other rows nearest to each row, in no order.

    All pairs are looked at up to 32,768 rows, O(N^2 D); beyond, cells of an inverted file, O(N^1.5
    D), which miss some of the neighbors (7 % at 50,000 rows without any structure).

    Args:
        features: (N, D), finite.
        k: from 1 to N - 1.
    """
    points = np.ascontiguousarray(features, dtype=np.float32)
    points = without(points, large_common_part(points))
    N, D = points.shape
    index: faiss.Index = faiss.IndexFlatL2(D)
    if N > EXACT:
        cells = faiss.IndexIVFFlat(index, D, int(np.sqrt(N)))
        cells.cp.niter, cells.cp.max_points_per_centroid = TRAINING_STEPS, TRAINING_ROWS
        cells.cp.min_points_per_centroid = 1  # no warning
        cells.train(points)
        cells.nprobe = PROBED
        index = cells
    index.add(points)
    neighbors = np.asarray(index.search(points, k + 1)[1], dtype=np.int64)
    # A row is not always its own nearest: copies of it may take its place.
    other = neighbors != np.arange(N)[:, None]
    surplus = other.all(axis=1)
    other[surplus, -1] = False
    return np.asarray(neighbors[other].reshape(N, k))


def two_hop_kernel(features: Float32, k: int) -> csr_array:
    """Return A + A^2 (N, N), the heat kernel of the graph as far as two edges reach.

    A is the symmetric graph of k nearest neighbors, its edges weighted by cosines (at least 0) and
    divided by the square roots of both degrees.

    Args:
        features: (N, D) of unit length.
        k: from 1 to N - 1.
    """
    N, neighbors = len(features), nearest_neighbors(features, k)
    cosines = _products(features, np.repeat(np.arange(N), k), neighbors.ravel()).reshape(N, k)
    graph = symmetric_graph(neighbors, cosines)
    kernel = csr_array(graph + graph @ graph)
    kernel.data = np.rint(kernel.data / STEP) * STEP
    kernel.sort_indices()
    return kernel


def symmetric_graph(neighbors: Int64, cosines: Float32 | Float64) -> csr_array:
    """Return A (N, N) of neighbors (N, k), -1 where there are fewer, and their cosines (N, k)."""
    N, k = neighbors.shape
    rows, columns = np.repeat(np.arange(N, dtype=np.int32), k), neighbors.astype(np.int32).ravel()
    present = columns >= 0  # cells may hold fewer than k
    weights = np.maximum(cosines.ravel()[present], 0, dtype=np.float64)
    graph = csr_array((weights, (rows[present], columns[present])), shape=(N, N))
    graph = csr_array(graph.maximum(graph.T))
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    scale = np.divide(1, np.sqrt(degrees), out=np.zeros(N), where=degrees > 0)
    graph.data *= np.repeat(scale, np.diff(graph.indptr))
    graph.data *= scale[graph.indices]
    return graph


def _products(features: Float32, first: Int64, second: Int64) -> Float64:
    """Return inner products (n,) of pairs of rows, in float64."""
    products = np.empty(len(first))
    for pairs in chunks(len(first)):
        x, y = (features[each[pairs]].astype(np.float64) for each in (first, second))
        products[pairs] = np.einsum("nd,nd->n", x, y)
    return products
