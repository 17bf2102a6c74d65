"""Smooth coverage of the pool (MaxHerding)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.herding import UNIT_WIDTH, greedy_herding
from rayal.strategies._collapse import Cosine, choose_collapsed


@strategy(unit_length=True, geometric=True, added={"collapse"})
def maxherding(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    sigma: PositiveFloat = UNIT_WIDTH,
    collapse: Cosine | None = None,
) -> Indices:
    """Choose, one after another, the image that adds most to mean_x max_s k(x, s).

    Bae et al., "Generalized Coverage for More Robust Low-Budget Active Learning", ECCV 2024. x are
    all images, s the labeled and chosen ones, k(x, s) = exp(-|x - s|^2 / sigma^2) on unit-length
    features. Ties go to the lowest position. Nothing is drawn; budgets nest.

    Cost: O(N^2 D) time by definition, O(N) memory; gains are worked out again only where they may
    have changed.

    Use: for the first queries; no radius to choose.

    Source: Bae et al. 2024.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: draws what `collapse` leaves to chance; not used without it.
        sigma: width; distances of unit-length features are at most 2.
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.

    Returns:
        (B,) positions, in the order of the choice.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        features = clustering.unit_rows(pool.features)
        return greedy_herding(features, pool.labeled, budget, sigma)

    return choose_collapsed(pool, budget, rng, collapse, choose)
