"""k-means with thousands of clusters by two levels: clusters of clusters, then a step over all.

Rows are clustered into about sqrt(K) cells, each cell into a share of the K clusters by its part of
the inertia (Nistér and Stewénius 2006, a vocabulary tree of two levels). Borders of cells cut
clusters in two; a few Lloyd steps mend that, in which a row looks at the clusters of the cells that
are nearest to it. A step costs N (sqrt(K) + PROBES sqrt(K)) D in place of N K D.
"""

from __future__ import annotations

import math

import faiss
import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.clustering import kmeans
from rayal.kernels.common_part import large_common_part, without
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_clustering import MOST_NUMBERS, SAMPLE, Clusters, sampled_kmeans

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

MANY = 4000  # clusters from which on a step over all of them is too long
PROBES = 8  # cells whose clusters a row looks at
REFINEMENTS = 5  # steps over all clusters
BLOCK = 65_536  # rows read at once: finding the centers' cells anew costs little then


def two_level_kmeans(
    rows: Rows, k: int, rng: np.random.Generator, *, restarts: int = 5, iterations: int = 20
) -> Clusters:
    """Return K = k clusters of rows, fewer where rows are equal; some may be empty.

    O(N + k D) memory beyond the rows and at most 512 MiB of sample.

    Args:
        rows: (N, D), N > k.
        k: at least 4.
        rng: draws the samples and the initial centers.
        restarts: initializations of which the best is kept, of the cells; within each there is one.
        iterations: Lloyd steps of each level.
    """
    cells = sampled_kmeans(rows, math.isqrt(k), rng, restarts=restarts, iterations=iterations)
    used = np.unique(cells.of)
    shares = _shares(cells, used, k)
    centers = [
        _within(rows, np.flatnonzero(cells.of == cell), share, rng, iterations)
        for cell, share in zip(used, shares, strict=True)
    ]
    return _refine(rows, cells.centers[used], np.concatenate(centers), rng)


def _shares(cells: Clusters, used: Int64, k: int) -> Int64:
    """Return how many of the k clusters (cells,) each cell gets, by its part of the inertia.

    One at the least, and no more than it has rows; the largest remainders are rounded up.
    """
    sizes = np.bincount(cells.of)[used]
    inertia = np.bincount(cells.of, weights=cells.to_center)[used]
    wanted = inertia / inertia.sum() * k if inertia.sum() else np.zeros(len(used))
    shares = np.clip(np.floor(wanted), 1, sizes).astype(np.int64)
    order = np.argsort(shares - wanted, kind="stable")
    while missing := k - int(shares.sum()):
        free = order[shares[order] < sizes[order]] if missing > 0 else order[::-1]
        free = free if missing > 0 else free[shares[free] > 1]
        shares[free[: abs(missing)]] += np.sign(missing)
    return shares


def _within(
    rows: Rows, members: Int64, k: int, rng: np.random.Generator, iterations: int
) -> Float32:
    """Return the centers (K, D) of k clusters of some rows, found on a sample of them."""
    most = min(SAMPLE * k, max(2 * k, MOST_NUMBERS // rows.shape[1]))
    if len(members) > most:
        members = np.sort(rng.permutation(members)[:most])
    return kmeans(rows[members], k, rng, restarts=1, iterations=iterations)[1]


def _refine(rows: Rows, cells: Float32, centers: Float32, rng: np.random.Generator) -> Clusters:
    """Move centers (K, D) by some Lloyd steps on a sample, and give every row to its own."""
    count = min(len(rows), SAMPLE * len(centers), MOST_NUMBERS // rows.shape[1])
    few = rows[np.sort(rng.permutation(len(rows))[:count])]
    for _ in range(REFINEMENTS):
        centers = _means(few, _nearest(few, cells, centers), centers)
    of = np.empty(len(rows), np.int64)
    to_center = np.empty(len(rows), np.float32)
    for part, points in rows.blocks(BLOCK):
        of[part] = _nearest(points, cells, centers)
        to_center[part] = distances.to_own_center(points, of[part], centers)
    return Clusters(of, centers, to_center)


def _nearest(points: Float32, cells: Float32, centers: Float32) -> Int64:
    """Return the nearest (n,) of the centers that lie in the cells nearest to each point."""
    common = large_common_part(centers)
    points, cells, centers = (without(each, common) for each in (points, cells, centers))
    coarse = faiss.IndexFlatL2(cells.shape[1])
    coarse.add(cells)
    index = faiss.IndexIVFFlat(coarse, cells.shape[1], len(cells))
    index.add(centers)
    index.nprobe = min(PROBES, len(cells))
    nearest = np.asarray(index.search(points, 1)[1][:, 0], dtype=np.int64)
    none = np.flatnonzero(nearest < 0)  # the cells at hand lost all centers to others
    if len(none):
        index.nprobe = len(cells)
        nearest[none] = index.search(points[none], 1)[1][:, 0]
    return nearest


def _means(points: Float32, of: Int64, centers: Float32) -> Float32:
    """Return the mean (K, D) of each center's rows; one without rows stays."""
    order = np.argsort(of, kind="stable")
    own, first, sizes = np.unique(of[order], return_index=True, return_counts=True)
    moved = centers.copy()
    moved[own] = np.add.reduceat(points[order], first) / sizes[:, None]
    return moved
