"""k-means of many rows by a part of them: centers from a sample, then every row to its center.

The inertia of centers found on a sample is that on all rows but for an error that falls with the
rows a center has in the sample; 256 are what faiss takes. Restarts, of which the best is kept, see
a quarter of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.clustering import SETTLED, kmeans
from rayal.kernels.common_part import large_common_part, without
from rayal.kernels.rows import Rows

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

SAMPLE = 256  # rows a center
RESTART_SAMPLE = 64
FEWEST = 32_768  # rows of a sample
MOST_NUMBERS = 1 << 27  # of a sample: 512 MiB
REFINEMENTS = 5  # steps on the larger sample, from the best centers of the smaller one


@dataclass(frozen=True)
class Clusters:
    """of (N,): the cluster of each row; centers (K, D); to_center (N,): squared distances."""

    of: Int64
    centers: Float32
    to_center: Float32

    @property
    def inertia(self) -> float:
        """The sum of the squared distances to the centers."""
        return float(self.to_center.sum(dtype=np.float64))

    def nearest_rows(self) -> Int64:
        """Return, for each cluster that has rows, the row nearest to its center, largest first."""
        order = np.lexsort((self.to_center, self.of))
        _, first, sizes = np.unique(self.of[order], return_index=True, return_counts=True)
        return np.asarray(order[first[np.argsort(-sizes, kind="stable")]], dtype=np.int64)


def sampled_kmeans(
    rows: Rows, k: int, rng: np.random.Generator, *, restarts: int = 5, iterations: int = 20
) -> Clusters:
    """Return K = k clusters of rows; some may be empty where rows are equal.

    O((N + 256 k) k D) time a step, O(N + k D) memory beyond the rows and at most 512 MiB of sample.

    Args:
        rows: (N, D), N > k.
        k: at least 1.
        rng: draws the samples and the initial centers.
        restarts: initializations on the smaller sample, of which the best is kept.
        iterations: Lloyd steps of each.
    """
    order = rng.permutation(len(rows))
    few = rows[np.sort(order[: _sample_size(rows, k, RESTART_SAMPLE)])]
    _, centers = kmeans(few, k, rng, restarts=restarts, iterations=iterations)
    more = rows[np.sort(order[: _sample_size(rows, k, SAMPLE)])]
    if len(more) > len(few):
        centers = _refine(more, centers)
    return assigned(rows, centers)


def assigned(rows: Rows, centers: Float32) -> Clusters:
    """Return the clusters of rows by the nearest of given centers (K, D)."""
    known = distances.Centers(centers)
    clusters = np.empty(len(rows), dtype=np.int64)
    to_center = np.empty(len(rows), dtype=np.float32)
    for part, points in rows.blocks():
        clusters[part] = known.nearest(points)[0]
        # From differences: equal rows have equal distances.
        to_center[part] = distances.to_own_center(points, clusters[part], centers)
    return Clusters(clusters, centers, to_center)


def _sample_size(rows: Rows, k: int, a_center: int) -> int:
    most = max(2 * k, MOST_NUMBERS // rows.shape[1])
    return min(len(rows), most, max(FEWEST, a_center * k))


def _refine(points: Float32, centers: Float32) -> Float32:
    """Return centers after some more Lloyd steps from given ones."""
    trainer = faiss.Kmeans(
        points.shape[1],
        len(centers),
        niter=REFINEMENTS,
        seed=1,  # nothing is drawn: the centers are given
        max_points_per_centroid=len(points),
        min_points_per_centroid=1,
        **SETTLED,
    )
    common = large_common_part(points)
    trainer.train(without(points, common), init_centroids=without(centers, common))
    refined = np.asarray(trainer.centroids, dtype=np.float32)
    return refined if common is None else refined + common
