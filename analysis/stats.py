"""Statistics of the report: arrays in, numbers out.

Empty, constant or too short input gives NaN, with the reason where there is a place for it, and
never a warning: a half-finished run is an ordinary input.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr, stdtrit

LEVEL = 0.95
RESAMPLES = 2000
Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A confidence interval at LEVEL; NaN where there is none."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)


class Correlation(NamedTuple):
    """Pearson's r, its two-sided p, Fisher's interval, the pairs counted, and why r is NaN."""

    r: float
    p: float
    low: float
    high: float
    n: int
    reason: str = ""


class Difference(NamedTuple):
    """Mean and sample std of n paired differences, with Student's interval of the mean."""

    mean: float
    std: float
    low: float
    high: float
    n: int


def mean(values: npt.ArrayLike) -> float:
    """Mean of the finite values; NaN without any."""
    finite = _finite(values)
    return float(finite.mean()) if len(finite) else math.nan


def std(values: npt.ArrayLike) -> float:
    """Sample standard deviation (n - 1) of the finite values; NaN for fewer than two."""
    finite = _finite(values)
    return float(finite.std(ddof=1)) if len(finite) > 1 else math.nan


def bootstrap_interval(values: npt.ArrayLike, seed: int = 0) -> Interval:
    """Percentile bootstrap of the mean over the finite values; NaN for fewer than two."""
    finite = _finite(values)
    if len(finite) < 2:
        return NO_INTERVAL
    means = finite[_resamples(len(finite), seed)].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def student_interval(values: npt.ArrayLike) -> Interval:
    """Interval of the mean from Student's t; NaN for fewer than two values.

    With three to five seeds a percentile bootstrap is far too narrow; this one is not.
    """
    finite = _finite(values)
    n = len(finite)
    if n < 2:
        return NO_INTERVAL
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * std(finite) / math.sqrt(n)
    return Interval(mean(finite) - half, mean(finite) + half)


def paired_difference(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> Difference:
    """Ours minus theirs, pair by pair; pairs with a NaN are not counted.

    Args:
        ours: (n,) values, the i-th from the same seed as the i-th of theirs.
        theirs: (n,) values.
    """
    finite = _finite(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
    return Difference(mean(finite), std(finite), *student_interval(finite), len(finite))


def pearson(x: npt.ArrayLike, y: npt.ArrayLike) -> Correlation:
    """Pearson's correlation of n pairs; pairs with a NaN are not counted.

    p from Student's t with n - 2 degrees of freedom; the interval from Fisher's z, which needs
    four pairs.
    """
    pairs = np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n = len(pairs)
    if n < 3:
        return _no_correlation(n, f"{n} pairs: a correlation needs at least 3")
    centred = pairs - pairs.mean(axis=0)
    norms = np.sqrt((centred**2).sum(axis=0))
    # A mean that rounds leaves a constant column at about one unit in the last place.
    if (norms <= 1e-12 * np.abs(pairs).max(axis=0) * math.sqrt(n)).any():
        return _no_correlation(n, "one side is constant")
    r = float(np.clip((centred[:, 0] / norms[0]) @ (centred[:, 1] / norms[1]), -1, 1))
    return Correlation(r, _pearson_p(r, n), *_fisher(r, n), n)


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

    Returns:
        The first budget if the curve starts at or above the target; NaN if it never gets there.
    """
    x, y = np.asarray(labelled, np.float64), np.asarray(values, np.float64)
    reached = np.flatnonzero(y >= target)
    if not len(reached):
        return math.nan
    k = int(reached[0])
    if k == 0 or not math.isfinite(y[k - 1]):
        return float(x[k])
    return float(x[k - 1] + (x[k] - x[k - 1]) * (target - y[k - 1]) / (y[k] - y[k - 1]))


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
    needed = np.array([images_to_reach(budgets, ours, float(t)) for t in targets])
    return needed, 1 - needed / budgets


def point_density(x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Number of points that share each point's cell of a grid over all, (N,).

    The grid grows with the points, about four to a cell were they spread evenly.
    """
    bins = max(1, int(np.sqrt(len(np.asarray(x))) / 2))
    counts, xe, ye = np.histogram2d(np.asarray(x), np.asarray(y), bins=bins)
    column = np.clip(np.searchsorted(xe, x, side="right") - 1, 0, bins - 1)
    row = np.clip(np.searchsorted(ye, y, side="right") - 1, 0, bins - 1)
    return np.asarray(counts[column, row], np.float64)


def _finite(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]


@lru_cache(maxsize=64)
def _resamples(n: int, seed: int) -> npt.NDArray[np.int64]:
    """Positions (RESAMPLES, n); the same for every sample of n, so that a run is repeatable."""
    return np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))


def _no_correlation(n: int, reason: str) -> Correlation:
    return Correlation(math.nan, math.nan, math.nan, math.nan, n, reason)


def _pearson_p(r: float, n: int) -> float:
    if abs(r) == 1:
        return 0.0
    t = r * math.sqrt((n - 2) / (1 - r * r))
    return float(2 * stdtr(n - 2, -abs(t)))


def _fisher(r: float, n: int) -> Interval:
    if n < 4:
        return NO_INTERVAL
    if abs(r) == 1:
        return Interval(r, r)
    half = float(ndtri((1 + LEVEL) / 2)) / math.sqrt(n - 3)
    return Interval(math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))
