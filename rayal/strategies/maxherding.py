"""Smooth coverage of the pool (MaxHerding)."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering
from rayal.kernels.herding import UNIT_WIDTH, balanced_herding
from rayal.strategies._collapse import Cosine, choose_collapsed
from rayal.strategies._greedy_balance import (
    GreedyBalance,
    balance_of,
    check_balance,
    reads_balance,
)
from rayal.strategies._smooth_cover import smooth_cover


@strategy(
    needs=reads_balance,
    unit_length=True,
    geometric=True,
    blockwise=True,
    multilabel=True,
    check=check_balance,
    added={"collapse", "exact", "class_balanced"},
)
def maxherding(  # noqa: PLR0913  its own parameters and those of all strategies of its kind
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    sigma: PositiveFloat = UNIT_WIDTH,
    collapse: Cosine | None = None,
    exact: bool = False,
    class_balanced: GreedyBalance | None = None,
) -> Indices:
    """Choose, one after another, the image that adds most to mean_x max_s k(x, s).

    Bae et al., "Generalized Coverage for More Robust Low-Budget Active Learning", ECCV 2024. x are
    all images, s the labeled and chosen ones, k(x, s) = exp(-|x - s|^2 / sigma^2) on unit-length
    features. Ties go to the lowest position. Nothing is drawn; budgets nest. Beyond 200,000 images
    x are the larger of 8,192 and 16 B drawn ones, 32,768 drawn ones may be chosen, and ties go by
    chance; `rayal.kernels.sampled_herding` has the bound.

    Cost: O(N^2 D) time by definition, O(N) memory and kernels of at most 1 GiB, up to 23,170
    images 2 GiB; gains are worked out again only where they may have changed. Beyond 200,000 images
    O(32768 D max(8192, 16 B)).

    Use: for the first queries; it has no radius that must be chosen.

    Source: Bae et al. 2024; balanced, Bengar et al. 2022 (CBAL), section 4.2.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: draws what `collapse` leaves to chance, and the images of the approximate form.
        sigma: width; distances of unit-length features are at most 2.
        collapse: cosine of the features from which on images are near-identical: one stands for
            its neighbors, the one with the most first. None keeps all.
        exact: take the exact form at any size.
        class_balanced: `lambda` weighs the balance of the classes against what an image adds to
            sum_x max_s k(x, s), the number of images that are covered: its cost is lambda / C *
            ||what the classes lack after it||_1; `divided_by_classes: false` leaves C out. The form
            is then exact, and budgets do not nest.

    Returns:
        (B,) positions, in the order of the choice.
    """

    def choose(pool: Pool, budget: int) -> Indices:
        balance = balance_of(pool, budget, class_balanced)
        if balance is not None:
            features = clustering.unit_rows(pool.features)
            return balanced_herding(features, pool.labeled, budget, sigma, balance)
        return smooth_cover("maxherding", pool, budget, rng, sigma, exact=exact)

    return choose_collapsed(pool, budget, rng, collapse, choose)
