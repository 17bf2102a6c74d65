"""The first labels of CBAL's experiments: images that an imbalanced dataset sets aside."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Indices, Pool, strategy


@strategy(needs={"initial_pool"})
def set_aside(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose at random among the images that the dataset sets aside as first labels.

    A dataset with `imbalance` keeps a part as it was, so that the first labels are balanced while
    the rest of the pool is not.

    Cost: O(N).

    Use: for the first query of CBAL's experiments.

    Source: Bengar et al. 2022 (CBAL), section 5.

    Args:
        pool: labels (N,) and the positions (R,) set aside.
        budget: B.
        rng: draws among them.

    Returns:
        (B,) positions.

    Raises:
        ValueError: fewer than B of the images set aside are left.
    """
    reserved = np.intersect1d(
        pool.unlabeled, [] if pool.initial_pool is None else pool.initial_pool
    )
    if len(reserved) < budget:
        raise ValueError(
            f"set_aside: {budget} images were asked for and {len(reserved)} of those set aside "
            "are left; lower the first budget, or raise the dataset's set_aside"
        )
    return rng.permutation(reserved).astype(np.int64)[:budget]
