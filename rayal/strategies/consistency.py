"""Consistency of predictions over augmented copies of an image."""

from __future__ import annotations

from itertools import chain

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Scores, checked, probabilities


@score(needs={"predictions", "views"})
def consistency(pool: Pool, rng: np.random.Generator) -> Scores:
    """Largest variance of P over an image and its augmented copies, summed over the classes.

    Gao et al. 2020. The copies are those of the encoder's parameter `views`.

    Cost: O(A N C) for A views; the views cost A extractions once.

    Use: with few labels, when the stability of predictions says more than their probabilities.

    Source: Gao et al. 2020.

    Args:
        pool: probabilities (N, C) of the images and of each of A augmented copies.
        rng: not used; equal scores are shuffled by what calls this.

    Returns:
        (U,) sums of variances.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    copies = (checked(probs[pool.unlabeled]) for probs in pool.predict_views())
    passes = chain([probabilities(pool)], copies)
    return np.asarray(uncertainty.variances(passes).sum(axis=1))
