"""Correlations of pairs, with p and interval; NaN with a reason where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from analysis.statistics.intervals import LEVEL, NO_INTERVAL, Floats, Interval


class Correlation(NamedTuple):
    """A correlation, its two-sided p, its interval, the pairs counted, and why r is NaN."""

    r: float
    p: float
    low: float
    high: float
    n: int
    reason: str = ""


def pearson(x: npt.ArrayLike, y: npt.ArrayLike) -> Correlation:
    """Pearson's correlation of x (n,) and y (n,); pairs with a NaN are not counted.

    p from Student's t with n - 2 degrees of freedom; the interval from Fisher's z, which needs
    four pairs.
    """
    pairs = _finite_pairs(x, y)
    return _correlation(pairs, lambda r: _fisher_interval(r, len(pairs), 1))


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> Correlation:
    """Spearman's rank correlation of x (n,) and y (n,), ties sharing their ranks.

    p as for Pearson's r; the interval from Fisher's z with the variance (1 + r^2 / 2) / (n - 3)
    (Bonett and Wright 2000).
    """
    from scipy.stats import rankdata  # slow to import, and of use to reports alone

    ranks = rankdata(_finite_pairs(x, y), axis=0)
    return _correlation(ranks, lambda r: _fisher_interval(r, len(ranks), 1 + r * r / 2))


def _correlation(pairs: Floats, interval_of: Callable[[float], Interval]) -> Correlation:
    from scipy.stats import pearsonr

    reason = _why_none(pairs)
    if reason:
        return Correlation(math.nan, math.nan, math.nan, math.nan, len(pairs), reason)
    result = pearsonr(pairs[:, 0], pairs[:, 1])
    r = float(result.statistic)
    return Correlation(r, float(result.pvalue), *interval_of(r), len(pairs))


def _finite_pairs(x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Pairs (n, 2) without a NaN."""
    pairs = np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)])
    return pairs[np.isfinite(pairs).all(axis=1)]


def _why_none(pairs: Floats) -> str:
    """Say why pairs (n, 2) have no correlation; "" where they have one."""
    n = len(pairs)
    if n < 3:
        return f"{n} pairs: a correlation needs at least 3"
    norms = np.linalg.norm(pairs - pairs.mean(axis=0), axis=0)
    # A mean that rounds leaves a constant column at about one unit in the last place.
    constant = norms <= 1e-12 * np.abs(pairs).max(axis=0) * math.sqrt(n)
    return "one side is constant" if constant.any() else ""


def _fisher_interval(r: float, n: int, variance: float) -> Interval:
    """Interval of r from Fisher's z, whose variance is variance / (n - 3)."""
    if n < 4:
        return NO_INTERVAL
    if abs(r) == 1:
        return Interval(r, r)
    half = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(variance / (n - 3))
    return Interval(math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))
