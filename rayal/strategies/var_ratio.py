"""Variation ratio: how many Monte-Carlo passes do not predict the modal class."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Passes, Scores, mc_passes


@score(needs={"dropout"})
def var_ratio(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Most disagreement: 1 - the share of T passes that predict the modal class (Freeman 1965).

    Cost: O(T N C) and T passes of the learner.

    Use: as bald; there are only T + 1 values, so many images have equal scores.

    Source: Freeman 1965; Gal et al. 2017.

    Args:
        pool: probabilities of passes with dropout, (N, C) each.
        rng: of the units dropped.
        passes: T.

    Returns:
        (U,) shares from 0 to 1 - 1 / C.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainty.variation_ratio(mc_passes(pool, passes, rng))
