"""Near-duplicates: which image stands for which others.

Files of the same bytes are one image before it comes to this. Two images are near-duplicates where
a perceptual hash of them differs in few of its 256 bits, or where their features, centered over the
pool and of unit length, have a cosine of at least a threshold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.contracts import Features, Indices
from rayal.kernels import clustering
from rayal.kernels.near_duplicates import representatives

HASH_BITS = 256
HASH_DIFFERENCE = 24  # bits at most
COSINE = 0.98
DIVIDED_FROM = 40_000  # rows: above it pairs are looked for within clusters (SemDeDup)
ROWS_A_CLUSTER = 8_000
ITERATIONS = 8  # of k-means, whose clusters only divide the work


def stand_for(
    tiny: npt.NDArray[np.uint8] | None,
    features: Features,
    rng: np.random.Generator,
    cosine: float = COSINE,
) -> Indices:
    """Return for each image (N,) the row of the one that stands for it: itself, mostly.

    Args:
        tiny: (N, 16, 17) gray pictures; None compares features alone.
        features: (N, D).
        rng: divides large pools.
        cosine: of the centered features, from which on images are near-duplicates.
    """
    by_hash = np.arange(len(features))
    if tiny is not None:
        by_hash = _grouped(difference_hash(tiny), 1 - 2 * HASH_DIFFERENCE / HASH_BITS, rng)
    first = np.unique(by_hash)
    by_features = first[_grouped(_centered(features, first), cosine, rng)]
    answer = np.arange(len(features))
    answer[first] = by_features
    return answer[by_hash]


def difference_hash(tiny: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return 256 signs (N, 256) of unit length: whether each pixel (N, 16, 17) is below the next.

    The cosine of two rows is 1 - 2 h / 256, h the bits by which they differ (dHash).
    """
    brighter = tiny[:, :, 1:].astype(np.int16) > tiny[:, :, :-1]
    signs = np.where(brighter.reshape(len(tiny), HASH_BITS), 1.0, -1.0)
    return np.asarray(signs / np.sqrt(HASH_BITS), dtype=np.float32)


def _centered(features: Features, rows: Indices) -> Features:
    """Return rows (n, D) around their mean, of unit length: cosines of any encoder spread out."""
    some = np.asarray(features[rows], dtype=np.float32)
    return clustering.unit_rows(some - some.mean(axis=0, dtype=np.float64).astype(np.float32))


def _grouped(points: npt.NDArray[np.float32], cosine: float, rng: np.random.Generator) -> Indices:
    """Return who stands for each row (N,); in large pools pairs across clusters are not seen."""
    if len(points) < DIVIDED_FROM:
        return representatives(points, cosine)
    count = -(-len(points) // ROWS_A_CLUSTER)
    clusters, _ = clustering.kmeans(points, count, rng, restarts=1, iterations=ITERATIONS)
    answer = np.arange(len(points))
    for cluster in range(int(clusters.max()) + 1):
        members = np.flatnonzero(clusters == cluster)
        answer[members] = members[representatives(points[members], cosine)]
    return answer
