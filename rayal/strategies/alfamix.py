"""Diverse images whose predicted class changes towards a labeled class (ALFA-Mix)."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Features, Indices, Pool, strategy
from rayal.kernels.last_layer import mixing_changes
from rayal.kernels.validation import check_finite
from rayal.strategies._candidates import diverse_candidates


@strategy(needs={"hidden", "last_layer", "labels"})
def alfamix(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Cluster images whose predicted class changes on mixing in a labeled class; take one of each.

    Parvaneh et al., "Active Learning by Feature Mixing", CVPR 2022. The mean of each labeled class
    is mixed into the input that the last layer gets for an image, in the closed form of the paper
    (Eq. 5) with eps = .2 / sqrt(H); candidates are images whose predicted class changes with any of
    them. Of their unit-length features the one nearest to each of K = B centers is taken.

    Cost: O(N C (C + H)), then k-means on the candidates.

    Use: from the second query on, if the features are already good.

    Source: Parvaneh et al. 2022, with one eps as in Gupte et al. 2024; the released code raises it
    until there are B candidates.

    Args:
        pool: what the last layer sees (N, H), its weights (C, H + 1), and labels (N,).
        budget: B.
        rng: seeds the clustering, draws what fills up.

    Returns:
        (B,) positions.

    Raises:
        ValueError: NaN or infinity in what the last layer sees.
    """
    left = pool.unlabeled
    check_finite(pool.penultimate_features, "what the last layer sees")
    hidden = pool.penultimate_features[left]
    changed = mixing_changes(hidden, pool.last_layer, _class_means(pool))
    return diverse_candidates(pool, left[changed], budget, rng)


def _class_means(pool: Pool) -> Features:
    """Return what the last layer sees on average of each labeled class, (A, H)."""
    hidden, labels = pool.penultimate_features[pool.labeled], pool.labels[pool.labeled]
    return np.stack([hidden[labels == c].mean(axis=0) for c in np.unique(labels)])
