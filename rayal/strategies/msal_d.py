"""MSAL-D: a diverse batch of images far from the maximally separated prototypes of the classes.

Kasarla et al., "Maximally Separated Active Learning", section 3.2.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import prototypes
from rayal.kernels.ranking import highest_first, multiple_rounded_up
from rayal.strategies._predictions import prototype_outputs


@strategy(needs={"prototypes"})
def msal_d(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    beta: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 10,
) -> Indices:
    """Of the beta * B images that msal ranks first, the B / C nearest to each prototype.

    Algorithm 1. An image counts for the prototype nearest to it; what classes with fewer
    candidates lack, and what B / C leaves over, goes to the most uncertain.

    Cost: O(N C^2).

    Use: as msal, with batches so large that the most uncertain images would resemble each other.

    Source: Kasarla et al. (MSAL), Algorithm 1.

    Args:
        pool: outputs (N, C - 1) before the prototypes.
        budget: B.
        rng: shuffles equal uncertainties.
        beta: candidates for each image to choose, beta * B rounded up; 5 on MNIST and SVHN in the
            paper.

    Returns:
        (B,) positions.

    Raises:
        ValueError: NaN or infinity among the outputs.
    """
    outputs = prototype_outputs(pool)
    most_uncertain = highest_first(-prototypes.nearest_cosine(outputs), rng)
    candidates = most_uncertain[: multiple_rounded_up(beta, budget)]
    return pool.unlabeled[prototypes.nearest_to_each(outputs, candidates, budget)]
