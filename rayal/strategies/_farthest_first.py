"""Greedy k-center, lazily where rows are wide or many: for `k_center` and `farthest_point`."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Features, Indices
from rayal.kernels import clustering
from rayal.kernels.covering import greedy_k_center
from rayal.kernels.cuda import worthwhile_device
from rayal.kernels.lazy_covering import lazy_k_center
from rayal.kernels.rows import Rows
from rayal.strategies import _large_pools

WIDE = 32  # numbers a row from which on a distance costs more than finding out that none is needed


def farthest_first(
    features: Features,
    labeled: Indices,
    budget: int,
    rng: np.random.Generator,
    *,
    unit: bool = False,
) -> Indices:
    """Return (B,) positions, each the farthest from the labeled and those before it.

    Which form is taken changes no pick. Arguments as of `kernels.covering.greedy_k_center`; unit:
    scale features (N, D) to unit length.
    """
    worth_it = len(features) > _large_pools.LARGE or features.shape[1] >= WIDE
    if worth_it and worthwhile_device(*features.shape) is None:
        return lazy_k_center(Rows(features, unit=unit), labeled, budget, rng)
    points = clustering.unit_rows(features) if unit else features
    return greedy_k_center(points, labeled, budget, rng)
