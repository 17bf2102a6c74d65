"""Uncertainty sampling by the probability of the most probable class."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Scores, probabilities


@score(needs={"predictions"})
def least_confidence(pool: Pool, rng: np.random.Generator) -> Scores:
    """Lowest probability of the most probable class.

    Cost: O(N C).

    Use: as entropy.

    Source: Lewis and Gale 1994; Wang and Shang 2014.

    Args:
        pool: probabilities (N, C).
        rng: not used; equal scores are shuffled by what calls this.

    Returns:
        (U,) top probabilities with the sign changed.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return -uncertainty.top(probabilities(pool))
