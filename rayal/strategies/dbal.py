"""DBAL: a diverse batch out of the most uncertain images (Zhdanov 2019)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering, uncertainty
from rayal.kernels.ranking import highest_first, multiple_rounded_up, pad_to_budget
from rayal.strategies._predictions import probabilities


@strategy(needs={"predictions", "hidden"})
def dbal(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    beta: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 10,
    restarts: PositiveInt = 5,
) -> Indices:
    """Cluster the beta * B most uncertain images into K = B; take the one nearest to each center.

    How informative an image is, 1 - the margin of its two most probable classes, is also its weight
    in the clustering. Largest cluster first; where fewer than B candidates are distinct, the most
    uncertain make up the number.

    Cost: k-means on beta * B images: O(beta B^2 H) a step.

    Use: with batches so large that the most uncertain images would resemble each other.

    Source: Zhdanov 2019.

    Args:
        pool: probabilities (N, C) and what the learner's last layer sees (N, H).
        budget: B.
        rng: seeds the initial centers and shuffles equal uncertainties.
        beta: candidates for each image to choose, beta * B rounded up; 10 in the paper.
        restarts: initializations of which the best is kept.

    Returns:
        (B,) positions.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    left = pool.unlabeled
    informative = 1 + uncertainty.negative_margin(probabilities(pool))
    candidates = highest_first(informative, rng)[: multiple_rounded_up(beta, budget)]
    points, weights = pool.penultimate_features[left[candidates]], informative[candidates]
    clusters, centers = clustering.weighted_kmeans(points, budget, rng, weights, restarts=restarts)
    nearest = clustering.nearest_to_centers(points, clusters, centers)
    chosen = nearest[np.argsort(-np.bincount(clusters), kind="stable")]
    picks = pad_to_budget(chosen, np.arange(len(candidates)), budget)
    return left[candidates[picks]]
