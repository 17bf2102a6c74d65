"""Smooth coverage of the pool (MaxHerding)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.herding import UNIT_WIDTH
from rayal.strategies._collapse import Cosine, choose_collapsed
from rayal.strategies._smooth_cover import smooth_cover


@strategy(unit_length=True, geometric=True, blockwise=True, added={"collapse", "exact"})
def maxherding(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    sigma: PositiveFloat = UNIT_WIDTH,
    collapse: Cosine | None = None,
    exact: bool = False,
) -> Indices:
    """Choose, one after another, the image that adds most to mean_x max_s k(x, s).

    Bae et al., "Generalized Coverage for More Robust Low-Budget Active Learning", ECCV 2024. x are
    all images, s the labeled and chosen ones, k(x, s) = exp(-|x - s|^2 / sigma^2) on unit-length
    features. Ties go to the lowest position. Nothing is drawn; budgets nest. Beyond 200,000 images
    x are the larger of 8,192 and 16 B drawn ones, and 32,768 drawn ones may be chosen;
    `rayal.kernels.sampled_herding` has the bound.

    Cost: O(N^2 D) time by definition, O(N) memory; gains are worked out again only where they may
    have changed. Beyond 200,000 images O(32768 D max(8192, 16 B)).

    Use: for the first queries; no radius to choose.

    Source: Bae et al. 2024.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: draws what `collapse` leaves to chance, and the images of the approximate form.
        sigma: width; distances of unit-length features are at most 2.
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.
        exact: take the exact form at any size.

    Returns:
        (B,) positions, in the order of the choice.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        return smooth_cover("maxherding", pool, budget, rng, sigma, exact=exact)

    return choose_collapsed(pool, budget, rng, collapse, choose)
