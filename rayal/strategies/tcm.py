"""Typical images of clusters at first, margin sampling later (TCM)."""

from __future__ import annotations

import numpy as np
from pydantic import NonNegativeInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import uncertainty
from rayal.kernels.ranking import highest_first
from rayal.strategies._large_pools import is_approximate
from rayal.strategies._predictions import probabilities
from rayal.strategies._typical_clusters import SAMPLED, typical_of_clusters


@strategy(unit_length=True, geometric=True, blockwise=True, added={"exact"})
def tcm(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    labels_per_class: NonNegativeInt = 10,
    exact: bool = False,
) -> Indices:
    """Choose as `typiclust` until there are enough labels, and by `margin` from then on.

    Doucet et al., "Bridging Diversity and Uncertainty in Active Learning with Self-Supervised
    Pre-Training", 2024. The paper changes over after a number of rounds that depends on the size
    of a round; here the number of labels decides. A query without predictions, as the first one,
    is always one of `typiclust`.

    Cost: that of `typiclust`, then O(N C).

    Use: in every query of a cycle, from no labels to many.

    Source: Doucet et al. 2024.

    Args:
        pool: its features (N, D), and the predictions if there are any.
        budget: B.
        rng: seeds the clustering, or shuffles equal margins.
        labels_per_class: `margin` is used from C times as many labels on.
        exact: take the exact form of `typiclust` at any size.

    Returns:
        (B,) positions.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    enough = len(pool.labeled) >= labels_per_class * pool.num_classes
    if pool.predictions is None or not enough:
        approximate = is_approximate("tcm", len(pool.features), SAMPLED, exact=exact)
        return typical_of_clusters(pool, budget, rng, approximate=approximate)
    scores = uncertainty.negative_margin(probabilities(pool))
    return pool.unlabeled[highest_first(scores, rng)[:budget]]
