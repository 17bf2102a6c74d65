"""Robust k-center: the smallest radius that covers all but a few outliers."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.ranking import multiple_rounded_up
from rayal.kernels.robust_covering import NODE_LIMIT, robust_k_center


@strategy(geometric=True)
def coreset_mip(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    outliers: Annotated[float, Field(ge=0, lt=1)] = 1e-4,
    node_limit: PositiveInt = NODE_LIMIT,
) -> Indices:
    """Choose the images that make the covering radius smallest (Sener and Savarese 2018).

    Greedy k-center first, then integer programs for smaller radii, solved by HiGHS. Looks at all
    pairs of images: seconds for hundreds of images, minutes and more from a thousand on; larger
    pools are refused. Positions ascend; budgets do not nest.

    Cost: an integer program on O(N^2) pairs: minutes for N of hundreds.

    Use: to check k_center on small pools.

    Source: Sener and Savarese 2018; CBAL, supplement I.

    Args:
        pool: features (N, D), compared by Euclidean distance.
        budget: B.
        rng: draws the first greedy center where nothing is labeled.
        outliers: part of the pool that may stay uncovered, rounded up to whole images.
        node_limit: branch-and-bound nodes for each radius tried. Where they do not settle it, the
            smallest radius found so far stands, at worst the greedy one.

    Returns:
        (B,) ascending positions.

    Raises:
        ValueError: too many pairs of images are within the greedy radius.
    """
    allowed = multiple_rounded_up(outliers, len(pool.features))
    return robust_k_center(
        pool.features, pool.labeled, budget, rng, outliers=allowed, node_limit=node_limit
    )
