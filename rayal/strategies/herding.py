"""Smooth coverage of the pool (MaxHerding), and of its uncertain part (Uncertainty Herding)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering, distances, uncertainty
from rayal.kernels.herding import greedy_herding
from rayal.kernels.validation import check_finite

ROUNDING = 1e-12  # squared distances up to it are those of copies
WIDTH = 1.0  # of the kernel on features of unit length


@strategy()
def maxherding(
    pool: Pool, budget: int, rng: np.random.Generator, *, sigma: PositiveFloat = WIDTH
) -> Indices:
    """Choose, one after another, the image that adds most to mean_x max_s k(x, s).

    Bae et al., "Generalized Coverage for More Robust Low-Budget Active Learning", ECCV 2024. x are
    all images, s the labeled and chosen ones, k(x, s) = exp(-|x - s|^2 / sigma^2) on unit-length
    features. Ties go to the lowest position. Nothing is drawn; budgets nest.

    Usually O(N^2 D) time, O(N D) memory.

    Cost: O(N^2 D) time by definition, O(N) memory; gains are worked out again only where they may
    have changed.

    Use: for the first queries; no radius to choose.

    Source: Bae et al. 2024.

    Args:
        pool: its features (N, D).
        budget: B.
        rng: not used.
        sigma: width; distances of unit-length features are at most 2.
    """
    features = clustering.unit_rows(pool.features)
    return greedy_herding(features, pool.labelled, budget, sigma)


@strategy()
def uherding(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    sigma: PositiveFloat | Literal["auto"] = "auto",
) -> Indices:
    """Choose as `maxherding`, each image x weighted by 1 - the margin of its prediction.

    Bae et al., "Uncertainty Herding: One Active Learning Method for All Label Budgets", ICLR 2025.
    Without predictions, as at the first query, all weights are one. The paper calibrates the
    predictions by a temperature found on held-out labels; here they are taken as they are.

    Cost: that of `maxherding`.

    Use: over a whole cycle, from no labels to many.

    Source: Bae et al. 2025, without its calibration of temperatures.

    Args:
        pool: its features (N, D), and the predictions if there are any.
        budget: B.
        rng: not used.
        sigma: width; "auto" is the smallest distance of two different labeled images (the paper's
            rule), or 1 without two of them.
    """
    features = clustering.unit_rows(pool.features)
    width = _smallest_distance(features[pool.labelled]) if sigma == "auto" else sigma
    weights = None if pool.predictions is None else _uncertainty(pool)
    return greedy_herding(features, pool.labelled, budget, width, weights)


def _uncertainty(pool: Pool) -> npt.NDArray[np.float64]:
    """Return 1 - margin, (N,)."""
    check_finite(pool.probs, "the predicted probabilities")
    return 1 + uncertainty.negative_margin(pool.probs.astype(np.float64))


def _smallest_distance(points: npt.NDArray[np.float32]) -> float:
    """Return the smallest distance between two different rows, or WIDTH if there is none."""
    smallest = np.inf
    for i in range(1, len(points)):
        away = distances.to_one_center(points[:i], points[i])
        smallest = min(smallest, float(away[away > ROUNDING].min(initial=np.inf)))
    return float(np.sqrt(smallest)) if np.isfinite(smallest) else WIDTH
