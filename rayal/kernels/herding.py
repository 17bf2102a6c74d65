"""Covering a pool with smooth kernels (MaxHerding), by lazy greedy choice.

The answer is that of the plain greedy rule, whatever the number of threads.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.greedy_balance import ClassBalance
from rayal.kernels.lazy_choice import LazyChoice, choose_lazily
from rayal.kernels.smooth_cover import Cover, Float64, Int64, cover_of
from rayal.kernels.unique_rows import distinct_rows
from rayal.kernels.validation import as_points, check_budget

UNIT_WIDTH = 1.0  # of a kernel on features of unit length (Bae et al. 2024)
NARROWEST = 1e-15  # kernel: its square is still above 0 in float32


def greedy_herding(
    features: npt.NDArray[np.floating[Any]],
    labeled: Int64,
    budget: int,
    sigma: float,
    weights: npt.NDArray[np.floating[Any]] | None = None,
) -> Int64:
    """Return `budget` positions, each adding most to sum_x w(x) max_s k(x, s).

    x runs over all points, s over the labeled and those before it; k(x, s) = exp(-|x - s|^2 /
    sigma^2). The sum is at least 1 - 1/e of the largest possible (Bae et al. 2024). Ties go to the
    lowest position, so once nothing is gained, as by a copy, the lowest positions follow, after
    those that add most with equal weights where some are 0, as of a learner that is sure; warns
    where these are no copies, but too near to one another for the width, or where all points are
    too far from one another for it. Usual time O(N^2 D), O(N^2 D B) at worst; memory O(N D), and 4
    N^2 bytes up to ALL_KEPT, KEPT bytes beyond.

    Args:
        features: (N, D).
        labeled: positions that are chosen already.
        budget: at most N less the number labeled.
        sigma: at least 1e-15.
        weights: (N,) at least 0; all one by default.

    Raises:
        ValueError: where the budget is not between 1 and what is left, or sigma too small.
    """
    _check(features, labeled, budget, sigma)
    points = as_points(features)
    first, copies_of = np.unique(distinct_rows(points), return_inverse=True)
    mass = np.bincount(copies_of, weights=weights).astype(np.float64)
    different = points[first]
    cover = cover_of(different, different, mass, sigma)
    known = np.unique(copies_of[labeled])
    for row in known:
        cover.add(row)
    candidates = np.setdiff1d(np.arange(len(first)), known)
    chosen = np.fromiter(choose_lazily(cover, candidates, budget), np.int64)
    picks = first[chosen]
    if weights is not None and len(picks) < budget:
        there = np.concatenate([labeled, picks])
        more = greedy_herding(features, there, budget - len(picks), sigma)
        return np.concatenate([picks, more])
    if weights is None and not len(labeled) and len(points) > 1:
        _warn_if_alone(cover, int(chosen[0]))
    if len(picks) < budget:
        _warn_if_too_near(np.setdiff1d(candidates, chosen), mass, sigma)
    rest = np.setdiff1d(np.arange(len(points)), np.concatenate([labeled, picks]))
    return np.concatenate([picks, rest[: budget - len(picks)]])


def balanced_herding(
    features: npt.NDArray[np.floating[Any]],
    labeled: Int64,
    budget: int,
    sigma: float,
    balance: ClassBalance,
) -> Int64:
    """Return `budget` positions, each adding most to sum_x max_s k(x, s) less its cost.

    As greedy_herding, but what the classes lack after an image counts against it. Ties go to the
    lowest position.

    Args:
        features: (N, D).
        labeled: positions that are chosen already.
        budget: at most N less the number labeled.
        sigma: at least 1e-15.
        balance: of the N points.

    Raises:
        ValueError: where the budget is not between 1 and what is left, or sigma too small.
    """
    _check(features, labeled, budget, sigma)
    points = as_points(features)
    cover = Cover(points, points, np.ones(len(points)), sigma)
    for row in labeled:
        cover.add(row)
    choice = LazyChoice(cover, np.setdiff1d(np.arange(len(points)), labeled))
    picks = np.empty(budget, dtype=np.int64)
    for number in range(budget):
        picks[number], _ = choice.best(balance.costs(), least=-np.inf)
        choice.take(int(picks[number]))
        balance.add(int(picks[number]))
    return picks


def _check(
    features: npt.NDArray[np.floating[Any]], labeled: Int64, budget: int, sigma: float
) -> None:
    check_budget(budget, len(features) - len(labeled))
    if not sigma >= NARROWEST:
        raise ValueError(
            f"sigma must be at least {NARROWEST:g}, but is {sigma:g}; widen the kernel"
        )


def _warn_if_alone(cover: Cover, first: int) -> None:
    """Warn where the first choice, which covers most, covers itself alone: all are as good."""
    kernel = cover.kernel_between(cover.points, first)
    if cover.mass[first] == np.count_nonzero(kernel) == 1:
        warnings.warn(
            f"no row of features is near enough to another for a kernel of sigma={cover.sigma:g}, "
            "so each covers itself alone and those that are chosen follow in the order of the "
            "rows; give a larger sigma",
            stacklevel=3,
        )


def _warn_if_too_near(left: Int64, mass: Float64, sigma: float) -> None:
    """Warn where candidates (n,) are left that count, and that nothing is gained by."""
    if too_near := np.count_nonzero(mass[left]):
        warnings.warn(
            f"{too_near:,} of {len(mass):,} different rows of features are so near to others that "
            f"a kernel of sigma={sigma:g} does not tell them apart: those that are chosen follow "
            "in the order of the rows; give a smaller sigma or a smaller budget",
            stacklevel=3,
        )
