"""k-means by faiss, with a promise on empty clusters, and the members nearest to the centres."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from rayal.kernels import distances

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


def kmeans(
    features: npt.NDArray[np.floating[Any]],
    k: int,
    rng: np.random.Generator,
    *,
    restarts: int = 5,
    iterations: int = 20,
) -> tuple[Int64, Float32]:
    """Return the cluster (N,) of each row of features (N, D), and the centres (K, D), K <= k.

    No cluster is empty, and K = k unless there are fewer than k distinct rows: then K is their
    number, and equal rows share a cluster. Every row is used for training. The same features,
    generator and number of faiss threads give the same answer.

    Args:
        features: finite numbers; converted to float32.
        k: at least 1.
        rng: seeds the initial centres.
        restarts: initialisations, of which the one with the lowest inertia is kept.
        iterations: Lloyd steps of each.
    """
    points = np.ascontiguousarray(features, dtype=np.float32)
    seed = int(rng.integers(2**31 - 1))
    if k >= len(points):
        clusters = _compact(_distinct_rows(points)) if k > 1 else np.zeros(len(points), np.int64)
        return clusters, _means(points, clusters)
    centres = _lloyd(points, k, seed, restarts, iterations)
    clusters = distances.nearest_centre(points, centres)
    if len(np.unique(clusters)) == k:
        return clusters, centres
    clusters = _fill_empty_clusters(points, clusters, k)
    return clusters, _means(points, clusters)


def nearest_to_centres(
    features: npt.NDArray[np.floating[Any]], clusters: Int64, centres: Float32
) -> Int64:
    """Return, for each of K non-empty clusters, its member nearest to the centre, (K,).

    Ties go to the lowest position; the answers differ because clusters do not overlap.
    """
    order = np.lexsort((distances.to_own_centre(features, clusters, centres), clusters))
    first = np.unique(clusters[order], return_index=True)[1]
    return order[first]


def unit_rows(features: npt.NDArray[np.floating[Any]]) -> Float32:
    """Return rows (N, D) scaled to unit Euclidean length; rows of zeros stay as they are."""
    rows = np.array(features, dtype=np.float32, order="C")
    faiss.normalize_L2(rows)
    return rows


def _lloyd(points: Float32, k: int, seed: int, restarts: int, iterations: int) -> Float32:
    trainer = faiss.Kmeans(
        points.shape[1],
        k,
        niter=iterations,
        nredo=restarts,
        seed=seed,
        max_points_per_centroid=len(points),  # no subsampling
        min_points_per_centroid=1,  # no warning
    )
    trainer.train(points)
    return np.asarray(trainer.centroids, dtype=np.float32)


def _fill_empty_clusters(points: Float32, clusters: Int64, k: int) -> Int64:
    """Give each empty cluster the row farthest from its centre, and the rows equal to it.

    Only clusters of two or more distinct rows give rows away, so none becomes empty.
    """
    first_equal = _distinct_rows(points)
    filled = _compact(clusters[first_equal])
    to_centre = distances.to_own_centre(points, filled, _means(points, filled))
    first_rows = np.unique(first_equal)
    for cluster in range(filled.max() + 1, min(k, len(first_rows))):
        distinct = np.bincount(filled[first_rows])
        givable = np.where(distinct[filled] > 1, to_centre, -1)
        moved = first_equal == first_equal[np.argmax(givable)]
        filled[moved], to_centre[moved] = cluster, 0
    return filled


def _distinct_rows(points: Float32) -> Int64:
    """Return for each row (N,) the position of the first row equal to it."""
    positive_zero = points + np.float32(0)  # -0.0 equals 0.0 but its bytes differ
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(row.tobytes(), i) for i, row in enumerate(positive_zero)])


def _compact(clusters: Int64) -> Int64:
    return np.unique(clusters, return_inverse=True)[1]


def _means(points: Float32, clusters: Int64) -> Float32:
    sums = np.zeros((clusters.max() + 1, points.shape[1]))
    np.add.at(sums, clusters, points)
    return np.asarray(sums / np.bincount(clusters)[:, None], dtype=np.float32)
