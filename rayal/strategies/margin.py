"""Uncertainty sampling by the margin of the two most probable classes."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.kernels.over_classes import Combination
from rayal.scores import score
from rayal.strategies._predictions import Scores, uncertainties


@score(needs={"predictions"}, multilabel=True, added={"over_classes"})
def margin(pool: Pool, rng: np.random.Generator, *, over_classes: Combination = "mean") -> Scores:
    """Smallest difference between the two most probable classes.

    Cost: O(N C).

    Use: as entropy; more stable with many classes.

    Source: Scheffer et al. 2001; Balcan et al. 2007.

    Args:
        pool: probabilities (N, C).
        rng: not used; equal scores are shuffled by what calls this.
        over_classes: where an image may have several classes, each is scored for itself, present
            against absent; the mean or the maximum of these counts.

    Returns:
        (U,) margins with the sign changed, from -1 to 0.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainties(pool, uncertainty.negative_margin, over_classes)
