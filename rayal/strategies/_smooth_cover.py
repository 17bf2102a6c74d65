"""Covering a pool smoothly: for `maxherding`, `uherding` and `auto`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import Indices, Pool
from rayal.kernels import clustering
from rayal.kernels.herding import greedy_herding
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_herding import sampled_herding
from rayal.strategies._large_pools import is_approximate

SAMPLED = "gains are those on a sample of the images"


def smooth_cover(  # noqa: PLR0913  a strategy's arguments, and what the three differ in
    strategy: str,
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    sigma: float,
    weights: npt.NDArray[np.floating[Any]] | None = None,
    *,
    unit: bool = True,
    exact: bool = False,
) -> Indices:
    """Return (B,) positions, each adding most to sum_x w(x) max_s exp(-|x - s|^2 / sigma^2).

    Args:
        strategy: whose choice it is.
        pool: its features (N, D) and labels (N,).
        budget: B.
        rng: draws the sample of the approximate form; not used otherwise.
        sigma: width of the kernel.
        weights: (N,) at least 0; all one by default.
        unit: scale features to unit length.
        exact: take the exact form at any size.
    """
    if is_approximate(strategy, len(pool.features), SAMPLED, exact=exact):
        rows = Rows(pool.features, unit=unit)
        return sampled_herding(rows, pool.labeled, budget, sigma, rng, weights)
    features = clustering.unit_rows(pool.features) if unit else pool.features
    return greedy_herding(features, pool.labeled, budget, sigma, weights)
