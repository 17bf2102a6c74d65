"""Uncertainty sampling by entropy."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Scores, probabilities


@score(needs={"predictions"})
def entropy(pool: Pool, rng: np.random.Generator) -> Scores:
    """Highest entropy of the predicted classes, -sum p log p with 0 log 0 = 0.

    Cost: O(N C).

    Use: with labels enough for the probabilities to mean something.

    Source: Shannon 1948; Wang and Shang 2014.

    Args:
        pool: probabilities (N, C).
        rng: not used; equal scores are shuffled by what calls this.

    Returns:
        (U,) entropies in nats.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainty.entropy(probabilities(pool))
