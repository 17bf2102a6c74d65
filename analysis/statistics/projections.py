"""Points of many dimensions laid out in a plane, and grouped in clusters; all seeded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from rayal.kernels.tsne import tsne2d

CLUSTERS = 30  # HaCon's K
PER_CLUSTER = 10  # points, at the least on average
METHOD = "t-SNE"
DIGITS = 4  # of coordinates, so that a table that is read back is the same
Features = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]


def sample_indices(size: int, wanted: Indices, most: int) -> Indices:
    """At most `most` indices (n,) below `size`, ascending: those wanted first, others at random."""
    rng = np.random.default_rng(size)
    wanted = np.unique(wanted[(wanted >= 0) & (wanted < size)])
    if len(wanted) > most:
        return np.sort(rng.choice(wanted, most, replace=False))
    others = np.setdiff1d(np.arange(size), wanted, assume_unique=True)
    rest = rng.choice(others, min(most - len(wanted), len(others)), replace=False)
    return np.sort(np.concatenate([wanted, rest])).astype(np.int64)


def project(features: Features) -> npt.NDArray[np.float64]:
    """Lay features (n, D) out in a plane, (n, 2), by METHOD."""
    return tsne2d(features).astype(np.float64).round(DIGITS)


def k_means(features: Features) -> Indices:
    """Cluster (n,) of each of the features (n, D): CLUSTERS at most, fewer of few points."""
    from sklearn.cluster import KMeans

    distinct = len(np.unique(features, axis=0))
    k = max(1, min(CLUSTERS, distinct, len(features) // PER_CLUSTER))
    with threadpool_limits(1):
        return np.asarray(KMeans(k, n_init=3, random_state=0).fit_predict(features), np.int64)
