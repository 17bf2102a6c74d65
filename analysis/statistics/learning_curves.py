"""A measure over budgets: the area under its curve, and the labels that one curve saves another."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.statistics.bootstrap import quantiles, resampled_means, resamples
from analysis.statistics.choices import rows_by_choice, sizes_by_choice
from analysis.statistics.intervals import NO_INTERVAL, ROUNDING, Floats, Interval

LEAST = 5  # choices that can be resampled for an interval: of three it covers 74 %, not 95


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


def starts_beyond(values: npt.ArrayLike, targets: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether curves are above their targets (R,) with the fewest labels already: (R,).

    Args:
        values: (R,) of the curves at the smallest budget.
        targets: (R,).
    """
    bars = np.asarray(targets, np.float64)
    above: npt.NDArray[np.bool_] = np.asarray(values) > bars + ROUNDING * np.abs(bars)
    return above


def savings(
    budgets: npt.ArrayLike,
    values: npt.ArrayLike,
    baseline: npt.ArrayLike,
    *,
    paired: bool,
    choices: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> list[Saving]:
    """Bootstrap the share of labels saved, at the mean AUC of the baseline with each budget.

    The choices of each side are resampled, each with all of its trials, so that the resampled means
    are around the mean over trials. A resample in which the curve never gets there counts as worse
    than all others; the low end is -inf where too many do not. One whose curve starts above may
    have needed fewer labels than any budget; the high end is inf where too many do.

    Args:
        budgets: (K,) budgets, ascending.
        values: (n, K) AUC by trial, NaN where there is none.
        baseline: (m, K).
        paired: row by row of the same seed, and so resampled together.
        choices: of both sides, (n,) and (m,), what was chosen in each trial. None: all differ.

    Returns:
        One for each budget; without an interval where a side has fewer than LEAST choices, and NaN
        where it has fewer than two.
    """
    at = np.asarray(budgets, np.float64)
    sides = [np.asarray(side, np.float64) for side in (values, baseline)]
    which = choices or tuple(np.arange(len(side)) for side in sides)
    units = [rows_by_choice(*both) for both in zip(sides, which, strict=True)]
    smallest = min(map(len, units))
    if smallest < 2:
        return [Saving(NO_INTERVAL, math.nan)] * len(at)
    curves, targets = (
        resampled_means(rows, resamples(len(rows), seed), sizes_by_choice(side, chosen))
        for rows, seed, side, chosen in zip(
            units, (0, 0 if paired else 1), sides, which, strict=True
        )
    )
    return [
        _saving(
            1 - _first_crossings(at, curves, targets[:, k]) / budget,
            starts_beyond(curves[:, 0], targets[:, k]),
            smallest,
        )
        for k, budget in enumerate(at)
    ]


def _saving(saved: Floats, beyond: npt.NDArray[np.bool_], smallest: int) -> Saving:
    never = np.isnan(saved)
    lows = np.where(never, -np.inf, saved)
    ends = (
        quantiles(draws, smallest, smallest - 1) for draws in (lows, np.where(beyond, np.inf, lows))
    )
    (low, _), (_, high) = ends
    interval = Interval(low, high) if smallest >= LEAST else NO_INTERVAL
    return Saving(interval, float(never.mean()))


def _first_crossings(budgets: Floats, curves: Floats, targets: Floats) -> Floats:
    """Budget (R,) at which each curve (R, K) first reaches its target (R,); NaN where never."""
    reached = curves >= (targets - ROUNDING * np.abs(targets))[:, None]
    k = reached.argmax(axis=1)
    row = np.arange(len(curves))
    before = np.maximum(k - 1, 0)
    low, high = curves[row, before], curves[row, k]
    step = np.zeros(len(curves))  # share of the way from the budget before
    known = (k > 0) & np.isfinite(low)
    np.divide(np.minimum(targets, high) - low, high - low, out=step, where=known)
    crossing = np.where(known, budgets[before] + step * (budgets[k] - budgets[before]), budgets[k])
    return np.where(reached.any(axis=1), crossing, np.nan)
