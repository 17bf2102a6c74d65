"""Greedy k-center, the papers' "Coreset", and its class-balanced form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.covering import balanced_k_center
from rayal.scores import lacking
from rayal.strategies._farthest_first import farthest_first
from rayal.strategies._greedy_balance import GreedyBalance, reads_balance, weight_of

Space: TypeAlias = Literal["features", "hidden"]


def _reads(params: Mapping[str, object]) -> set[str]:
    hidden = {"hidden"} if params["space"] == "hidden" else set()
    return hidden | reads_balance(params)


@strategy(needs=_reads, geometric=True, blockwise=True, multilabel=True)
def k_center(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    space: Space = "features",
    class_balanced: GreedyBalance | None = None,
) -> Indices:
    """Choose, one after another, the image farthest from all labeled and chosen ones.

    Euclidean distances; the papers' "Coreset". Ties go to the lowest position. Before the first
    label the first image is drawn at random. Budgets nest.

    Cost: O(N D (B + L)) time at worst, O(N) memory; of features of 32 numbers and more, and beyond
    200,000 images, distances are worked out only where they may decide.

    Use: to include images of rare appearance; it also includes outliers.

    Source: Gonzalez 1985; Sener and Savarese 2018; balanced, Bengar et al. 2022 (CBAL), Algorithm
    2.

    Args:
        pool: features (N, D), or what the learner's last layer sees (N, H).
        budget: B.
        rng: draws the first image where none has a label.
        space: whether distances are between the encoder's features or the learner's.
        class_balanced: `lambda` weighs the distance to what is covered against the balance of the
            classes (CBAL, Algorithm 2). As in the released code, which has 5 for 10 classes and 50
            for 100, it is divided by C; `divided_by_classes: false` is the text's form.

    Returns:
        (B,) positions, in the order of the choice.
    """
    points = pool.penultimate_features if space == "hidden" else pool.features
    if class_balanced is None:
        return farthest_first(points, pool.labeled, budget, rng)
    return balanced_k_center(
        points,
        pool.labeled,
        budget,
        rng,
        probs=pool.probs,
        target=lacking(pool, budget),
        weight=weight_of(class_balanced, pool.num_classes),
    )
