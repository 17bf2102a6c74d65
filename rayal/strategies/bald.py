"""Bayesian active learning by disagreement (BALD), with dropout as the posterior."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Passes, Scores, mc_passes


@score(needs={"dropout"})
def bald(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Highest mutual information of prediction and weights: H(mean P) - mean H(P) over T passes.

    Houlsby et al. 2011; Gal et al. 2017, with dropout as the posterior.

    Cost: O(T N C) and T passes of the learner.

    Use: to avoid images that are ambiguous in themselves.

    Source: Houlsby et al. 2011; Gal et al. 2017.

    Args:
        pool: probabilities of passes with dropout, (N, C) each.
        rng: of the units dropped.
        passes: T.

    Returns:
        (U,) mutual information in nats, at least 0.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainty.mutual_information(mc_passes(pool, passes, rng))
