"""Covering the pool with balls around labeled images (ProbCover)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Features, Indices, Pool, strategy
from rayal.kernels import ball_cover, clustering
from rayal.strategies._collapse import Cosine, choose_collapsed


@strategy(unit_length=True, geometric=True, added={"collapse"})
def probcover(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    delta: PositiveFloat | Literal["auto"] = "auto",
    collapse: Cosine | None = None,
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
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.

    Returns:
        (B,) positions, in the order of the choice.

    Raises:
        ValueError: delta is "auto" and no class is known.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        features = clustering.unit_rows(pool.features)
        radius = _pure_radius(features, pool.num_classes, rng) if delta == "auto" else delta
        return ball_cover.greedy_ball_cover(features, pool.labeled, budget, radius, rng)

    return choose_collapsed(pool, budget, rng, collapse, choose)


def _pure_radius(features: Features, num_classes: int, rng: np.random.Generator) -> float:
    if num_classes < 1:
        raise ValueError(
            "probcover with delta: auto makes as many clusters as there are classes, and none "
            "is known; give a number for delta, such as 0.5"
        )
    clusters, _ = clustering.kmeans(features, num_classes, rng)
    return ball_cover.pure_radius(features, clusters, rng)
