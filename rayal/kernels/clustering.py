"""k-means by faiss, with a promise on empty clusters, and the members nearest to the centers."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.common_part import large_common_part, without
from rayal.kernels.unique_rows import distinct_rows
from rayal.kernels.validation import as_points

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating[Any]]

ROWS = 8192  # converted to float64 at once
WORTH_A_GPU = 1 << 26  # numbers: below it the transfers cost more than they save
# A restart ends when a step lowers its inertia by less than this part; older faiss goes on.
SETTLED = (
    {"early_stop_threshold": 1e-4}
    if hasattr(faiss.ClusteringParameters(), "early_stop_threshold")
    else {}
)


def kmeans(
    features: Numbers,
    k: int,
    rng: np.random.Generator,
    *,
    restarts: int = 5,
    iterations: int = 20,
) -> tuple[Int64, Float32]:
    """Return the cluster (N,) of each row of features (N, D), and the centers (K, D), K <= k.

    No cluster is empty, and K = k unless there are fewer than k distinct rows: then K is their
    number, and equal rows share a cluster. Every row is used for training. The same features and
    generator give the same answer, except on a GPU: there faiss-gpu clusters 2^26 numbers or more,
    as well, but to other centers. O(N + K D) memory beyond the features.

    Args:
        features: finite numbers; converted to float32.
        k: at least 1.
        rng: seeds the initial centers.
        restarts: initializations, of which the one with the lowest inertia is kept.
        iterations: Lloyd steps of each, fewer where a step gains less than a ten-thousandth.

    Raises:
        ValueError: where k is below 1.
    """
    _check_k(k)
    points = as_points(features)
    seed = _seed(rng)
    if k >= len(points):
        return _one_cluster_each(points, k, None)
    return _assigned(points, _lloyd(points, k, seed, restarts, iterations), None)


def weighted_kmeans(
    features: Numbers,
    k: int,
    rng: np.random.Generator,
    weights: Numbers,
    *,
    restarts: int = 5,
    iterations: int = 20,
) -> tuple[Int64, Float32]:
    """Return clusters (N,) and centers (K, D) as `kmeans` does, for rows that count by weight.

    Centers are weighted means, and the restart with the lowest weighted inertia is kept. Rows of
    weight zero have a cluster but do not move its center; where all weights are zero, all are one.

    Args:
        features: finite numbers; converted to float32.
        k: at least 1.
        rng: seeds the initial centers.
        weights: (N,), finite and at least 0.
        restarts: initializations, of which the best is kept.
        iterations: Lloyd steps of each, fewer where a step gains less than a ten-thousandth.

    Raises:
        ValueError: where k is below 1, or a weight below 0 or not finite.
    """
    _check_k(k)
    mass = _checked_weights(weights)
    points = as_points(features)
    seeds = [_seed(rng) for _ in range(restarts)]
    if k >= len(points):
        return _one_cluster_each(points, k, mass)
    best, lowest = None, np.inf
    for seed in seeds:
        answer = _assigned(points, _lloyd(points, k, seed, 1, iterations, mass), mass)
        inertia = float(mass @ distances.to_own_center(points, *answer))
        if best is None or inertia < lowest:
            best, lowest = answer, inertia
    assert best is not None
    return best


def nearest_to_centers(features: Numbers, clusters: Int64, centers: Float32) -> Int64:
    """Return, for each of K non-empty clusters, its member nearest to the center, (K,).

    Ties go to the lowest position; the answers differ because clusters do not overlap.
    """
    order = np.lexsort((distances.to_own_center(features, clusters, centers), clusters))
    first = np.unique(clusters[order], return_index=True)[1]
    return order[first]


def unit_rows(features: Numbers, positions: Int64 | None = None) -> Float32:
    """Return rows (N, D), or those at some positions, scaled to unit Euclidean length.

    Rows of zeros stay as they are. One copy is made.

    Raises:
        ValueError: as `as_points`.
    """
    rows = as_points(features if positions is None else features[positions])
    if np.may_share_memory(rows, features):
        rows = rows.copy()
    faiss.normalize_L2(rows)
    return rows


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k-means was asked for {k} clusters; ask for at least 1")


def _checked_weights(weights: Numbers) -> Float32:
    """Return weights of float32 with a mean of one, so that none of them is lost in conversion."""
    mass = np.asarray(weights, dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(mass) & (mass >= 0)))
    if len(bad):
        raise ValueError(
            f"the weight of row {bad[0]} is {mass[bad[0]]:g}; weights must be finite and at least 0"
        )
    mean = mass.mean()
    return np.asarray(mass / mean if mean > 0 else np.ones_like(mass), dtype=np.float32)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31 - 1))


def _lloyd(
    points: Float32,
    k: int,
    seed: int,
    restarts: int,
    iterations: int,
    weights: Float32 | None = None,
) -> Float32:
    trainer = faiss.Kmeans(
        points.shape[1],
        k,
        niter=iterations,
        nredo=restarts,
        seed=seed,
        max_points_per_centroid=len(points),  # no subsampling
        min_points_per_centroid=1,  # no warning
        gpu=int(points.size >= WORTH_A_GPU and faiss.get_num_gpus() > 0),  # one card
        **SETTLED,
    )
    common = large_common_part(points)
    trainer.train(without(points, common), weights=weights)
    centers = np.asarray(trainer.centroids, dtype=np.float32)
    return centers if common is None else centers + common


def _one_cluster_each(points: Float32, k: int, weights: Float32 | None) -> tuple[Int64, Float32]:
    """Return a cluster for each distinct row, of which there are no more than k."""
    clusters = _compact(distinct_rows(points)) if k > 1 else np.zeros(len(points), np.int64)
    return clusters, _means(points, clusters, weights)


def _assigned(points: Float32, centers: Float32, weights: Float32 | None) -> tuple[Int64, Float32]:
    clusters = distances.nearest_center(points, centers)
    k = len(centers)
    if np.bincount(clusters, minlength=k).all():
        return clusters, centers
    clusters = _fill_empty_clusters(points, clusters, k)
    return clusters, _means(points, clusters, weights)


def _fill_empty_clusters(points: Float32, clusters: Int64, k: int) -> Int64:
    """Give each empty cluster the row farthest from its center, and the rows equal to it.

    Only clusters of two or more distinct rows give rows away, so none becomes empty.
    """
    first_equal = distinct_rows(points)
    filled = _compact(clusters[first_equal])
    to_center = distances.to_own_center(points, filled, _means(points, filled, None))
    first_rows = np.unique(first_equal)
    farthest_first = first_rows[np.argsort(-to_center[first_rows], kind="stable")]
    next_empty, wanted = int(filled.max()) + 1, min(k, len(first_rows))
    distinct = np.bincount(filled[first_rows])
    for row in farthest_first:
        if next_empty == wanted:
            break
        if distinct[filled[row]] > 1:
            distinct[filled[row]] -= 1
            filled[row] = next_empty
            next_empty += 1
    return filled[first_equal]


def _compact(clusters: Int64) -> Int64:
    return np.unique(clusters, return_inverse=True)[1]


def _means(points: Float32, clusters: Int64, weights: Float32 | None) -> Float32:
    """Return (K, D) means of the rows of each cluster, plain where all its weights are zero."""
    k = int(clusters.max()) + 1
    if weights is None:
        return _sums(points, clusters, np.ones(len(points)), k)
    weightless = np.bincount(clusters, weights, minlength=k) == 0
    return _sums(points, clusters, np.where(weightless[clusters], 1.0, weights), k)


def _sums(points: Float32, clusters: Int64, weights: npt.NDArray[np.float64], k: int) -> Float32:
    sums = np.zeros((k, points.shape[1]))
    for start in range(0, len(points), ROWS):
        rows = points[start : start + ROWS].astype(np.float64)
        own, mass = clusters[start : start + ROWS], weights[start : start + ROWS]
        from scipy.sparse import csr_matrix

        members = csr_matrix((mass, (own, np.arange(len(rows)))), shape=(k, len(rows)))
        sums += np.asarray(members @ rows)
    return np.asarray(sums / np.bincount(clusters, weights)[:, None], dtype=np.float32)
