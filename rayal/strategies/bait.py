"""BAIT: the batch that leaves least uncertainty about the last layer (Ash et al. 2021)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.fisher_design import greedy_design
from rayal.kernels.multinomial_design import greedy_multinomial_design
from rayal.kernels.ranking import pad_to_budget
from rayal.kernels.validation import check_finite
from rayal.strategies._predictions import checked


@strategy(needs={"predictions", "hidden"})
def bait(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    likelihood: Literal["binary", "multinomial"] = "binary",
    ridge: PositiveFloat = 1.0,
) -> Indices:
    """Choose the batch that lowers tr(M^-1 F) most: add 2 B images greedily, then remove B.

    F is the mean Fisher information of the last layer over all images, M that of the labeled and
    chosen ones and a ridge. Of an image with features h before the last layer and largest
    probability p it is p (1 - p) h h' with the binary likelihood (Huseljic et al. 2024), and (diag
    p - p p') x h h' with the multinomial one, for small C H. As in the released code a chosen image
    counts B times as much as a labeled one. Images with a certain prediction have no information;
    they are drawn at random if B is larger than the number of the others. Ties go to the lowest
    position. Budgets do not nest. `optimal_design` is the same before the first label.

    Cost: O(N H) a pick by rank-one updates, O(N H^2) once, O(B^3); multinomial O(N C^3 H^2) a pick.

    Use: in every query of a cycle, with batches of any size, if the features are already good; with
    `logistic` on features of unit length give `ridge: 0.001`, or standardize them.

    Source: Ash et al. 2021 ("Gone Fishing"); binary form, Huseljic et al. 2024 ("Fast Fishing").

    Args:
        pool: probabilities (N, C) and what the learner's last layer sees (N, H).
        budget: B.
        rng: draws images without information.
        likelihood: of the labels, which decides what an image tells.
        ridge: added to M, in the units of h h'; the published value is 1, for h whose length grows
            with H. What features of unit length tell is lost beside it: give .001 with such. It is
            at least a billionth of the largest information.

    Returns:
        (B,) positions, in the order of the choice.

    Raises:
        ValueError: NaN or infinity among them, or the multinomial likelihood with C H above 1024.
    """
    probs, hidden = checked(pool.probs), pool.penultimate_features
    check_finite(hidden, "what the last layer sees")
    if likelihood == "multinomial":
        chosen = greedy_multinomial_design(hidden, probs, pool.labeled, budget, ridge=ridge)
    else:
        top = probs.max(axis=1)
        information = top * np.maximum(1 - top, 0)
        chosen = greedy_design(hidden, information, pool.labeled, budget, ridge=ridge)
    return pad_to_budget(chosen, rng.permutation(pool.unlabeled), budget)
