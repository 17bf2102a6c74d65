"""Uncertainty sampling by the margin of the two most probable classes."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Scores, probabilities


@score(needs={"predictions"})
def margin(pool: Pool, rng: np.random.Generator) -> Scores:
    """Smallest difference between the two most probable classes.

    Cost: O(N C).

    Use: as entropy; the steadier choice with many classes.

    Source: Scheffer et al. 2001; Balcan et al. 2007.

    Args:
        pool: probabilities (N, C).
        rng: not used; equal scores are shuffled by what calls this.

    Returns:
        (U,) margins with the sign changed, from -1 to 0.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainty.negative_margin(probabilities(pool))
