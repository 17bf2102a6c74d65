"""Uncertainty sampling by entropy."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.kernels.over_classes import Combination
from rayal.scores import score
from rayal.strategies._predictions import Scores, uncertainties


@score(needs={"predictions"}, multilabel=True, added={"over_classes"})
def entropy(pool: Pool, rng: np.random.Generator, *, over_classes: Combination = "mean") -> Scores:
    """Highest entropy of the predicted classes, -sum p log p with 0 log 0 = 0.

    Cost: O(N C).

    Use: when there are enough labels for meaningful probabilities.

    Source: Shannon 1948; Wang and Shang 2014.

    Args:
        pool: probabilities (N, C).
        rng: not used; equal scores are shuffled by what calls this.
        over_classes: where an image may have several classes, each is scored for itself, present
            against absent; the mean or the maximum of these counts.

    Returns:
        (U,) entropies in nats.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    return uncertainties(pool, uncertainty.entropy, over_classes)
