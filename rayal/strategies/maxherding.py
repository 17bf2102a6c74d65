"""Smooth coverage of the pool (MaxHerding)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.herding import UNIT_WIDTH, greedy_herding


@strategy()
def maxherding(
    pool: Pool, budget: int, rng: np.random.Generator, *, sigma: PositiveFloat = UNIT_WIDTH
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
        rng: not used.
        sigma: width; distances of unit-length features are at most 2.

    Returns:
        (B,) positions, in the order of the choice.
    """
    features = clustering.unit_rows(pool.features)
    return greedy_herding(features, pool.labeled, budget, sigma)
