"""Two strategies on the same seeds: tests, effect size, correction for many, power.

A sign-flip test assumes nothing but that a difference is as likely as its negative. With n pairs
its p cannot fall below 2 ** (1 - n), so that with the three to five seeds of most papers it can
never say "different" at .05: `least_p` tells, and Student's p, which takes the differences for
normal, stands beside it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import nctdtr, stdtr, stdtrit

from analysis.statistics.intervals import Floats, finite, mean, std

EXACT = 12  # pairs up to which every pattern of signs is tried
FLIPS = 9999
ALPHA, POWER = 0.05, 0.8
MOST_SEEDS = 100_000


class PairedTest(NamedTuple):
    """Two-sided p of n paired differences, their effect size, and the smallest p there can be.

    effect: mean over standard deviation of the differences, with Hedges' correction for few.
    """

    p_student: float
    p_permutation: float
    p_wilcoxon: float
    effect: float
    least_p: float


def paired_test(differences: npt.ArrayLike) -> PairedTest:
    """Test whether paired differences (n,) lie around zero; those that are NaN do not count.

    All is NaN for fewer than two; p_student and effect are for differences that are all equal.
    """
    d = finite(differences)
    if len(d) < 2:
        return PairedTest(*[math.nan] * 5)
    return PairedTest(student_p(d), sign_flip_p(d), wilcoxon_p(d), effect_size(d), least_p(len(d)))


def student_p(differences: npt.ArrayLike) -> float:
    """Return p of Student's paired test of differences (n,); NaN where they do not vary."""
    d = finite(differences)
    spread = std(d)
    if not spread > 1e-12 * float(np.abs(d).max(initial=0)):
        return math.nan
    return float(2 * stdtr(len(d) - 1, -abs(mean(d)) * math.sqrt(len(d)) / spread))


def sign_flip_p(differences: npt.ArrayLike) -> float:
    """Return p of the sign-flip permutation test of the mean of differences (n,).

    Exact up to EXACT pairs; above, over FLIPS random patterns of signs, the observed one counted
    with them so that the level holds.
    """
    d = finite(differences)
    if len(d) < 2:
        return math.nan
    # Sums that are equal in exact arithmetic differ in the last places.
    bar = abs(float(d.sum())) - 1e-12 * float(np.abs(d).sum())
    as_far = int((np.abs(_signs(len(d)) @ d) >= bar).sum())
    return as_far / 2 ** (len(d) - 1) if len(d) <= EXACT else (as_far + 1) / (FLIPS + 1)


def wilcoxon_p(differences: npt.ArrayLike) -> float:
    """Return p of Wilcoxon's signed-rank test of differences (n,).

    Pairs without a difference are left out; 1 where there are no others.
    """
    from scipy.stats import wilcoxon  # slow to import, and of use to reports alone

    d = finite(differences)
    if len(d) < 2:
        return math.nan
    d = d[d != 0]
    return float(wilcoxon(d).pvalue) if len(d) else 1.0


def effect_size(differences: npt.ArrayLike) -> float:
    """Mean over standard deviation of differences (n,), times Hedges' correction for few."""
    d = finite(differences)
    spread = std(d)
    if not spread > 1e-12 * float(np.abs(d).max(initial=0)):
        return math.nan
    correction = 1 - 3 / (4 * (len(d) - 1) - 1)
    return correction * mean(d) / spread


def least_p(n: int) -> float:
    """Smallest p that a sign-flip test of n pairs can give."""
    return max(2.0 ** (1 - n), 1 / (FLIPS + 1) if n > EXACT else 0)


def holm(p: npt.ArrayLike) -> Floats:
    """Holm's step-down correction of a family of p (m,); NaN stays, and counts for nothing."""
    raw = np.asarray(p, np.float64)
    corrected = np.full(raw.shape, np.nan)
    known = np.flatnonzero(np.isfinite(raw))
    order = known[np.argsort(raw[known], kind="stable")]
    steps = raw[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else steps
    return corrected


def power(n: int, effect: float, alpha: float = ALPHA) -> float:
    """Chance that Student's paired test of n pairs shows a true effect (mean over std)."""
    if n < 2:
        return 0.0
    edge, shift = float(stdtrit(n - 1, 1 - alpha / 2)), abs(effect) * math.sqrt(n)
    # Far out the noncentral distribution is a step, and scipy's value of it is NaN.
    above = 1 - float(nctdtr(n - 1, shift, edge)) if shift < edge + 30 else 1.0
    below = float(nctdtr(n - 1, shift, -edge)) if shift < 8 else 0.0
    return above + below


def seeds_needed(difference: float, spread: float) -> float:
    """Seeds with which a true difference is shown with a chance of POWER; NaN beyond MOST_SEEDS.

    Args:
        difference: mean of the paired differences.
        spread: their standard deviation.
    """
    if not (math.isfinite(difference) and spread > 0) or difference == 0:
        return math.nan
    effect = difference / spread
    low, high = 1, 2
    while power(high, effect) < POWER:
        low, high = high, 2 * high
        if low > MOST_SEEDS:
            return math.nan
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, effect) >= POWER else (middle, high)
    return float(high)


def detectable(n: int, spread: float) -> float:
    """Smallest true difference that n seeds show with a chance of POWER; NaN below two seeds."""
    if n < 2 or not spread > 0:
        return math.nan
    return spread * float(brentq(lambda effect: power(n, effect) - POWER, 1e-9, 1e3))


@lru_cache(maxsize=32)
def _signs(n: int) -> Floats:
    """Patterns of signs: all but mirror images up to EXACT pairs, FLIPS random ones above."""
    if n > EXACT:
        bits = np.random.default_rng(n).integers(2, size=(FLIPS, n))
    else:
        bits = np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1
    return (1 - 2 * bits).astype(np.float64)
