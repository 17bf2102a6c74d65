"""Uncertainty sampling by the probability of the most probable class."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.kernels.over_classes import Combination
from rayal.scores import score
from rayal.strategies._predictions import Scores, uncertainties


@score(needs={"predictions"}, multilabel=True, added={"over_classes"})
def least_confidence(
    pool: Pool, rng: np.random.Generator, *, over_classes: Combination = "mean"
) -> Scores:
    """Lowest probability of the most probable class.

    Cost: O(N C).

    Use: as entropy.

    Source: Lewis and Gale 1994; Wang and Shang 2014.

    Args:
        pool: probabilities (N, C).
        rng: not used; equal scores are shuffled by what calls this.
        over_classes: where an image may have several classes, each is scored for itself, present
            against absent; the mean or the maximum of these counts.

    Returns:
        (U,) top probabilities with the sign changed.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainties(pool, lambda probs: -uncertainty.top(probs), over_classes)
