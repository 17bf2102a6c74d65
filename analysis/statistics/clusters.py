"""What clusters of a pool have to do with its classes, and where in them images were chosen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]


class Agreement(NamedTuple):
    """How clusters agree with classes.

    purity: share of the images that are of their cluster's most frequent class. nmi: normalized
    mutual information, 0 of independent partitions and 1 of equal ones.
    """

    purity: float
    nmi: float


class Picks(NamedTuple):
    """Where in its clusters a query chose.

    outside_majority: share of the images that are not of their cluster's most frequent class, 0 to
    1. spread: mean distance to the cluster's center, divided by that of the cluster's images.
    """

    outside_majority: float
    spread: float


def agreement(clusters: Indices, classes: Indices) -> Agreement:
    """Compare clusters (n,) with classes (n,)."""
    from sklearn.metrics import normalized_mutual_info_score

    table = _counts(clusters, classes)
    purity = float(table.max(axis=1).sum() / len(classes))
    return Agreement(purity, float(normalized_mutual_info_score(classes, clusters)))


def picks(features: Features, clusters: Indices, classes: Indices, chosen: Indices) -> Picks:
    """Describe a query (m,) by the clusters (n,) and classes (n,) of all images (n, D).

    Of equally frequent classes the lowest is a cluster's most frequent one.
    """
    majority = _counts(clusters, classes).argmax(axis=1)
    outside = classes[chosen] != majority[clusters[chosen]]
    to_center = _distances_to_center(features, clusters)
    sizes = np.bincount(clusters)
    means = np.bincount(clusters, to_center) / np.maximum(sizes, 1)
    usual = means[clusters[chosen]]
    spread = np.divide(to_center[chosen], usual, out=np.full(len(chosen), np.nan), where=usual > 0)
    known = spread[np.isfinite(spread)]
    return Picks(float(outside.mean()), float(known.mean()) if len(known) else np.nan)


def _counts(clusters: Indices, classes: Indices) -> npt.NDArray[np.int64]:
    """Images (K, C) of each class in each cluster."""
    table = np.zeros((clusters.max() + 1, classes.max() + 1), np.int64)
    np.add.at(table, (clusters, classes), 1)
    return table


def _distances_to_center(features: Features, clusters: Indices) -> npt.NDArray[np.float64]:
    """Distance (n,) of each image to the mean of its cluster."""
    distances = np.empty(len(features))
    for cluster in np.unique(clusters):
        in_cluster = clusters == cluster
        members = features[in_cluster].astype(np.float64)
        distances[in_cluster] = np.linalg.norm(members - members.mean(axis=0), axis=1)
    return distances
