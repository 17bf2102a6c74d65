"""A measure over budgets: the area under its curve, and the labels that one curve saves another."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.statistics.bootstrap import quantiles, resampled_means, resamples
from analysis.statistics.intervals import NO_INTERVAL, Floats, Interval


class Saving(NamedTuple):
    """An interval of the share of labels saved, and how often a resample never got there."""

    interval: Interval
    not_reached: float


def aubc(labelled: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Area under the budget curve by trapezoids, over the range of budgets.

    Args:
        labelled: (K,) budgets, ascending, not necessarily evenly spaced.
        values: (K,) a measure at each budget.

    Returns:
        The mean height of the curve; NaN for fewer than two budgets.
    """
    x, y = np.asarray(labelled, np.float64), np.asarray(values, np.float64)
    if len(x) < 2:
        return math.nan
    return float(np.diff(x) @ (y[1:] + y[:-1]) / 2 / (x[-1] - x[0]))


def images_to_reach(labelled: npt.ArrayLike, values: npt.ArrayLike, target: float) -> float:
    """Labelled images at which the curve first reaches the target, between budgets by a line.

    Args:
        labelled: budgets (R,), ascending.
        values: the curve at each, (R,).
        target: value to reach.

    Returns:
        The first budget if the curve starts at or above the target; NaN if it never gets there.
    """
    curve = np.asarray(values, np.float64)[None]
    return float(_first_crossings(np.asarray(labelled, np.float64), curve, np.array([target]))[0])


def annotation_saved(
    labelled: npt.ArrayLike, ours: npt.ArrayLike, theirs: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Share of labels that ours saves at the AUC that theirs has at each budget.

    HaCon's "reduces annotation by 61 %": ours needs n images for the mean AUC that theirs has
    with B; saved = 1 - n / B. Negative where ours needs more.

    Args:
        labelled: (K,) budgets of both curves, ascending.
        ours: (K,) mean AUC of the strategy.
        theirs: (K,) mean AUC of random selection.

    Returns:
        Images needed (K,) and share saved (K,); NaN where ours never reaches the AUC.
    """
    budgets = np.asarray(labelled, np.float64)
    targets = np.asarray(theirs, np.float64)
    curves = np.tile(np.asarray(ours, np.float64), (len(targets), 1))
    needed = _first_crossings(budgets, curves, targets)
    return needed, 1 - needed / budgets


def savings(
    labelled: npt.ArrayLike, ours: npt.ArrayLike, theirs: npt.ArrayLike, *, paired: bool
) -> list[Saving]:
    """Bootstrap the share of labels saved, at the mean AUC of theirs with each budget.

    The trials of each side are resampled. A resample in which ours never gets there counts as
    worse than all others; the low end is -inf where too many do not.

    Args:
        labelled: (K,) budgets, ascending.
        ours: (n, K) AUC by trial, NaN where there is none.
        theirs: (m, K).
        paired: row by row of the same seed, and so resampled together.

    Returns:
        One for each budget; NaN where a side has fewer than two trials.
    """
    budgets = np.asarray(labelled, np.float64)
    mine, their = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if min(len(mine), len(their)) < 2:
        return [Saving(NO_INTERVAL, math.nan)] * len(budgets)
    curves = resampled_means(mine, resamples(len(mine), 0))
    targets = resampled_means(their, resamples(len(their), 0 if paired else 1))
    smallest = min(len(mine), len(their))
    return [
        _saving(1 - _first_crossings(budgets, curves, targets[:, k]) / budget, smallest)
        for k, budget in enumerate(budgets)
    ]


def _saving(saved: Floats, smallest: int) -> Saving:
    never = np.isnan(saved)
    draws = np.where(never, -np.inf, saved)
    return Saving(quantiles(draws, smallest, smallest - 1), float(never.mean()))


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
