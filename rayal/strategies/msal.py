"""MSAL: how near an image is to the maximally separated prototypes of the classes.

Kasarla et al., "Maximally Separated Active Learning", section 3.2.
"""

from __future__ import annotations

import numpy as np

from rayal.contracts import Pool
from rayal.kernels import prototypes
from rayal.scores import score
from rayal.strategies._predictions import Scores, prototype_outputs


@score(needs={"prototypes"})
def msal(pool: Pool, rng: np.random.Generator) -> Scores:
    """Lowest cosine to the nearest class prototype (Eq. 2, with the length of each image).

    An output of length 0 is as far from all prototypes as any: its cosine is 0.

    Cost: O(N C^2).

    Use: with a learner that has `prototypes: true`.

    Source: Kasarla et al. (MSAL), Eq. 2.

    Args:
        pool: outputs (N, C - 1) before the prototypes.
        rng: not used; equal scores are shuffled by what calls this.

    Returns:
        (U,) cosines with the sign changed.

    Raises:
        ValueError: NaN or infinity among the outputs.
    """
    return -prototypes.nearest_cosine(prototype_outputs(pool))
