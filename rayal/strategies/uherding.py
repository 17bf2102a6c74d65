"""Smooth coverage of the uncertain part of a pool (Uncertainty Herding)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import PositiveFloat

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels import clustering, distances, uncertainty
from rayal.kernels.herding import UNIT_WIDTH, greedy_herding
from rayal.strategies._predictions import checked

ROUNDING = 1e-12  # squared distances up to it are those of copies


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

    Returns:
        (B,) positions, in the order of the choice.
    """
    features = clustering.unit_rows(pool.features)
    width = _smallest_distance(features[pool.labeled]) if sigma == "auto" else sigma
    weights = None if pool.predictions is None else _uncertainty(pool)
    return greedy_herding(features, pool.labeled, budget, width, weights)


def _uncertainty(pool: Pool) -> npt.NDArray[np.float64]:
    """Return 1 - margin, (N,)."""
    return 1 + uncertainty.negative_margin(checked(pool.probs))


def _smallest_distance(points: npt.NDArray[np.float32]) -> float:
    """Return the smallest distance between two different rows, or UNIT_WIDTH if there is none."""
    smallest = np.inf
    for i in range(1, len(points)):
        away = distances.to_one_center(points[:i], points[i])
        smallest = min(smallest, float(away[away > ROUNDING].min(initial=np.inf)))
    return float(np.sqrt(smallest)) if np.isfinite(smallest) else UNIT_WIDTH
