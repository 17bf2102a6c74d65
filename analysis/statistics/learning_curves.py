"""A measure over budgets: the area under its curve, and the labels that one curve saves another."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.statistics.bootstrap import quantiles, resampled_means, resamples
from analysis.statistics.intervals import NO_INTERVAL, Floats, Interval

LEAST = 5  # trials that can be resampled for an interval: of three it covers 74 %, not 95


class Saving(NamedTuple):
    """An interval of the share of labels saved, and how often a resample never got there."""

    interval: Interval
    not_reached: float


def aubc(budgets: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Area under the budget curve by trapezoids, over the range of budgets.

    Args:
        budgets: (K,) budgets, ascending, not necessarily evenly spaced.
        values: (K,) a measure at each budget.

    Returns:
        The mean height of the curve; NaN for fewer than two budgets.
    """
    x, y = np.asarray(budgets, np.float64), np.asarray(values, np.float64)
    if len(x) < 2:
        return math.nan
    return float(np.diff(x) @ (y[1:] + y[:-1]) / 2 / (x[-1] - x[0]))


def annotation_saved(
    budgets: npt.ArrayLike, values: npt.ArrayLike, baseline: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Share of labels that a curve saves at the AUC that the baseline has at each budget.

    HaCon's "reduces annotation by 61 %": it needs n images for the mean AUC that the baseline has
    with B; saved = 1 - n / B. Negative where it needs more.

    Args:
        budgets: (K,) budgets of both curves, ascending.
        values: (K,) mean AUC of the strategy.
        baseline: (K,) mean AUC of random selection.

    Returns:
        Images needed (K,) and share saved (K,); NaN where the curve never reaches the AUC.
    """
    at = np.asarray(budgets, np.float64)
    targets = np.asarray(baseline, np.float64)
    curves = np.tile(np.asarray(values, np.float64), (len(targets), 1))
    needed = _first_crossings(at, curves, targets)
    return needed, 1 - needed / at


def savings(
    budgets: npt.ArrayLike, values: npt.ArrayLike, baseline: npt.ArrayLike, *, paired: bool
) -> list[Saving]:
    """Bootstrap the share of labels saved, at the mean AUC of the baseline with each budget.

    The trials of each side are resampled. A resample in which the curve never gets there counts as
    worse than all others; the low end is -inf where too many do not.

    Args:
        budgets: (K,) budgets, ascending.
        values: (n, K) AUC by trial, NaN where there is none.
        baseline: (m, K).
        paired: row by row of the same seed, and so resampled together.

    Returns:
        One for each budget; without an interval where a side has fewer than LEAST trials, and NaN
        where it has fewer than two.
    """
    at = np.asarray(budgets, np.float64)
    own, random = np.asarray(values, np.float64), np.asarray(baseline, np.float64)
    if min(len(own), len(random)) < 2:
        return [Saving(NO_INTERVAL, math.nan)] * len(at)
    curves = resampled_means(own, resamples(len(own), 0))
    targets = resampled_means(random, resamples(len(random), 0 if paired else 1))
    smallest = min(len(own), len(random))
    return [
        _saving(1 - _first_crossings(at, curves, targets[:, k]) / budget, smallest)
        for k, budget in enumerate(at)
    ]


def _saving(saved: Floats, smallest: int) -> Saving:
    never = np.isnan(saved)
    draws = np.where(never, -np.inf, saved)
    interval = quantiles(draws, smallest, smallest - 1) if smallest >= LEAST else NO_INTERVAL
    return Saving(interval, float(never.mean()))


def _first_crossings(budgets: Floats, curves: Floats, targets: Floats) -> Floats:
    """Budget (R,) at which each curve (R, K) first reaches its target (R,); NaN where never."""
    reached = curves >= targets[:, None]
    k = reached.argmax(axis=1)
    row = np.arange(len(curves))
    before = np.maximum(k - 1, 0)
    low, high = curves[row, before], curves[row, k]
    step = np.zeros(len(curves))  # share of the way from the budget before
    known = (k > 0) & np.isfinite(low)
    np.divide(targets - low, high - low, out=step, where=known)
    crossing = np.where(known, budgets[before] + step * (budgets[k] - budgets[before]), budgets[k])
    return np.where(reached.any(axis=1), crossing, np.nan)
