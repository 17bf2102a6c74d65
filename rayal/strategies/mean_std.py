"""Mean standard deviation of the classes' probabilities over Monte-Carlo passes."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import uncertainty
from rayal.scores import score
from rayal.strategies._predictions import Passes, Scores, mc_passes


@score(needs={"dropout"})
def mean_std(pool: Pool, rng: np.random.Generator, *, passes: Passes = 10) -> Scores:
    """Largest standard deviation over T passes, mean over the classes (Kampffmeyer et al. 2016).

    Cost: O(T N C) and T passes of the learner.

    Use: as bald.

    Source: Kampffmeyer et al. 2016.

    Args:
        pool: probabilities of passes with dropout, (N, C) each.
        rng: of the units dropped.
        passes: T.

    Returns:
        (U,) mean standard deviations.

    Raises:
        ValueError: NaN or infinity among the probabilities.
    """
    deviations = np.sqrt(uncertainty.variances(mc_passes(pool, passes, rng)))
    return np.asarray(deviations.mean(axis=1))
