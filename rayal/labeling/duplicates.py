"""Near-duplicates: which image stands for which others.

Files of the same bytes are one image before it comes to this. Two images are near-duplicates where
their thumbnails of 16 x 16 gray pixels correlate nearly perfectly, or where their features,
centered over the pool and of unit length, have a cosine of at least a threshold. Signs of
differences between neighboring pixels (dHash) would not do: where images are mostly black, most of
them share most signs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.contracts import Features, Indices
from rayal.kernels import clustering
from rayal.kernels.near_duplicates import representatives

CORRELATION = 0.99  # of thumbnails
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
        tiny: (N, 16, 16) gray pictures; None compares features alone.
        features: (N, D).
        rng: divides large pools.
        cosine: of the centered features, from which on images are near-duplicates.
    """
    by_pixels = np.arange(len(features))
    if tiny is not None:
        by_pixels = _grouped(fingerprints(tiny), CORRELATION, rng)
    first = np.unique(by_pixels)
    by_features = first[_grouped(_centered(features, first), cosine, rng)]
    answer = np.arange(len(features))
    answer[first] = by_features
    return answer[by_pixels]


def fingerprints(tiny: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return pictures (N, 16, 16) around their own means, of unit length, as rows (N, 256).

    The cosine of two rows is the correlation of the pictures, whatever their brightness and
    contrast. Pictures of one gray are rows of zeros, and nobody's near-duplicate by this.
    """
    rows = tiny.reshape(len(tiny), -1).astype(np.float32)
    return clustering.unit_rows(rows - rows.mean(axis=1, keepdims=True))


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
