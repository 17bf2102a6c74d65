"""A batch by which a linear model of the features is known best, whatever the labels."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.fisher_design import greedy_design
from rayal.kernels.ranking import pad_to_budget

UNDECIDED = 0.25  # p (1 - p) at p = 1/2


@strategy(unit_length=lambda params: bool(params["normalize"]), geometric=True)
def optimal_design(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    normalize: bool = True,
    ridge: PositiveFloat = 1.0,
) -> Indices:
    """Choose as `bait` on the encoder's features, with all images equally uncertain.

    With one information p (1 - p) = 1/4 for all images, the batch is an optimal design for a linear
    model on the whole pool (transductive experimental design, Yu et al. 2006): no prediction and no
    label is read. Nothing is drawn unless images of features 0 are needed. Budgets do not nest.

    Cost: O(N D) a pick by rank-one updates, O(N D^2) once, O(B^3).

    Use: for the first query before `bait`; when every seed should give the same choice.

    Source: Yu et al. 2006; Ash et al. 2021 without predictions.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: draws images whose features are all 0.
        normalize: scale features to unit length.
        ridge: as in `bait`; the larger, the more the choice goes where most images are.

    Returns:
        (B,) positions, in the order of the choice.
    """
    features = clustering.unit_rows(pool.features) if normalize else pool.features
    information = np.where(np.any(features, axis=1), UNDECIDED, 0.0)
    chosen = greedy_design(features, information, pool.labeled, budget, ridge=ridge)
    return pad_to_budget(chosen, rng.permutation(pool.unlabeled), budget)
