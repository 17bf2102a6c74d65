"""Choosing images that stand for the others: k-means (low-budget paper) and greedy k-center."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.covering import greedy_k_center


@strategy()
def kmeans(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool = True,
    restarts: PositiveInt = 5,
) -> Indices:
    """Cluster the unlabelled images into K = B; choose the one nearest to each centre.

    Largest cluster first. Where fewer than B images are distinct, duplicates make up the number,
    lowest position first.

    Args:
        pool: its features (N, D) are clustered.
        budget: B.
        rng: seeds the initial centres.
        normalize: scale features to unit length, as the released code does.
        restarts: initialisations of which the best is kept; the released code has 5.
    """
    left = pool.unlabelled
    features = pool.features[left]
    features = clustering.unit_rows(features) if normalize else features
    clusters, centres = clustering.kmeans(features, budget, rng, restarts=restarts)
    nearest = clustering.nearest_to_centres(features, clusters, centres)
    largest_first = np.argsort(-np.bincount(clusters), kind="stable")
    chosen = nearest[largest_first]
    duplicates = np.setdiff1d(np.arange(len(left)), chosen)[: budget - len(chosen)]
    picks: Indices = left[np.concatenate([chosen, duplicates])]
    return picks


@strategy()
def k_center(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose, one after another, the image farthest from all labelled and chosen ones.

    Euclidean distances on the features; the papers' "Coreset". Ties go to the lowest position.
    Before the first label the first image is drawn at random. Budgets nest.
    """
    return greedy_k_center(pool.features, pool.labelled, budget, rng)
