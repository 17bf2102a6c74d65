"""Entropy of predictions averaged over Monte-Carlo passes with dropout."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Passes, Scores, mc_mean


@score(needs={"dropout"})
def entropy_dropout(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Highest entropy of the mean over T Monte-Carlo passes with dropout.

    Cost: O(T N C) and T passes of the learner.

    Use: when single predictions are overconfident.

    Source: Gal and Ghahramani 2016; Beluch et al. 2018.

    Args:
        pool: probabilities of passes with dropout, (N, C) each.
        rng: of the units dropped.
        passes: T.

    Returns:
        (U,) entropies in nats.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainty.entropy(mc_mean(pool, passes, rng))
