"""Cost-effective active learning: entropy, beside a learner that labels what it is sure of."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Scores, probabilities


@score(needs={"predictions"})
def ceal(pool: Pool, rng: np.random.Generator) -> Scores:
    """Highest entropy, for a learner that labels the images it is certain about itself (CEAL).

    Wang et al. 2017. The other half of the method is the learner's `pseudo_labels: ceal`; without
    it this is `entropy`.

    Cost: O(N C).

    Use: with a learner that has `pseudo_labels: ceal`.

    Source: Wang et al. 2017.

    Args:
        pool: probabilities (N, C).
        rng: not used; equal scores are shuffled by what calls this.

    Returns:
        (U,) entropies in nats.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainty.entropy(probabilities(pool))
