"""Covering the pool with balls around labeled images (ProbCover)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import ball_cover, clustering


@strategy()
def probcover(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    delta: PositiveFloat | Literal["auto"] = "auto",
) -> Indices:
    """Choose, one after another, the image with the most uncovered images closer than delta.

    Yehuda et al., "Active Learning Through a Covering Lens", NeurIPS 2022. Distances of
    unit-length features; what is closer than delta to a label or a choice is covered. Ties go to
    the lowest position. When all is covered, the image farthest from all labeled and chosen ones
    follows, as in `k_center`. The released code drops the last N mod 500 images; here none is.

    With a number for delta budgets nest.

    Cost: O(N^2 D) time by definition, O(N) memory.

    Use: for the first queries, where delta suits the features.

    Source: Yehuda et al. 2022.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: seeds the pseudo-labels and draws the balls looked at for "auto".
        delta: radius, up to 2; "auto" is the largest whose balls are pure for 95 % of the images,
            pseudo-labels being k-means clusters, as many as classes (section 3.2 of the paper).

    Returns:
        (B,) positions, in the order of the choice.

    Raises:
        ValueError: delta is "auto" and no class is known.
    """
    features = clustering.unit_rows(pool.features)
    if delta == "auto":
        if pool.num_classes < 1:
            raise ValueError(
                "probcover with delta: auto makes as many clusters as there are classes, and none "
                "is known; give a number for delta, such as 0.5"
            )
        clusters, _ = clustering.kmeans(features, pool.num_classes, rng)
        delta = ball_cover.pure_radius(features, clusters, rng)
    return ball_cover.greedy_ball_cover(features, pool.labeled, budget, delta, rng)
