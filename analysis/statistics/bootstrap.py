"""Bootstrap intervals of means: seeded, stratified, and wide enough for few values.

The plain percentile interval is too narrow for few values: it divides by n where n - 1 is right,
and has normal ends where Student's are right. Its ends are moved outwards by just that much
(Hesterberg 2015, What Teachers Should Know About the Bootstrap: the expanded percentile
interval). BCa mends bias and skewness, not this width, which is what 3 to 30 seeds lack;
`benchmarks/analysis.py` prints the coverage of all of them. No bootstrap leaves the range of its
values, so below SMALL of them the interval of a mean is Student's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from analysis.statistics.choices import are_equally_often, by_choice, moments_by_choice
from analysis.statistics.intervals import (
    LEVEL,
    NO_INTERVAL,
    Floats,
    Interval,
    Moments,
    finite,
    moments,
    student_interval,
    student_interval_of,
)

RESAMPLES = 2000
SMALL = 10
KEPT = 300  # values up to which positions are kept: 4.8 MB a seed; more are drawn when needed
DRAWN = 1 << 20  # positions at once, of more values: 8 MB


def mean_interval(values: npt.ArrayLike) -> Interval:
    """Interval of the mean: Student's below SMALL finite values (n,), bootstrapped beyond."""
    kept = finite(values)
    return student_interval(kept) if len(kept) < SMALL else bootstrap_interval(kept)


def interval_by_choice(values: npt.ArrayLike, choices: npt.ArrayLike) -> Interval:
    """Interval of the mean of values (n,) of which those of one choice (n,) say no more than one.

    Where all choices were made equally often, `mean_interval` of their means. Else the mean over
    all values is another one than that over choices, and its interval is Student's with the error
    of a mean of clusters (Liang and Zeger 1986), which is the former where they are of one size.
    """
    if are_equally_often(values, choices):
        return mean_interval(by_choice(values, choices))
    return student_interval_of(moments_by_choice(values, choices))


def bootstrap_interval(values: npt.ArrayLike, seed: int = 0) -> Interval:
    """Expanded percentile interval of the mean of finite values (n,); NaN for fewer than two."""
    kept = finite(values)
    return _resampled([kept], seed) if len(kept) > 1 else NO_INTERVAL


def stratified_interval(strata: Sequence[npt.ArrayLike], seed: int = 0) -> Interval:
    """Interval of the mean of the strata's means.

    Resampled within each stratum; where one has fewer than SMALL values, Student's, with the
    degrees of freedom of Welch and Satterthwaite: resamples of three values cover 74 %, not 95.

    Args:
        strata: for each dataset, say, its values (n,); every stratum weighs the same.
        seed: of the resampling; the same strata and seed give the same interval.

    Returns:
        NaN without strata, or where one has fewer than two finite values.
    """
    kept = [finite(values) for values in strata]
    if not kept or min(map(len, kept)) < 2:
        return NO_INTERVAL
    if min(map(len, kept)) < SMALL:
        return _student_of_strata([moments(values) for values in kept])
    return _resampled(kept, seed)


def stratified_by_choice(strata: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> Interval:
    """Interval of the mean of the strata's means, of values of which those of one choice are one.

    Where each stratum's choices were made equally often, `stratified_interval` of their means; else
    Student's with the errors of means of clusters, as `interval_by_choice` of one stratum.

    Args:
        strata: for each dataset, say, its values (n,) and their choices (n,).

    Returns:
        NaN without strata, or where one has fewer than two choices.
    """
    if all(are_equally_often(*stratum) for stratum in strata):
        return stratified_interval([by_choice(*stratum) for stratum in strata])
    samples = [moments_by_choice(*stratum) for stratum in strata]
    return NO_INTERVAL if min(one.n for one in samples) < 2 else _student_of_strata(samples)


def _student_of_strata(samples: Sequence[Moments]) -> Interval:
    middle = float(np.mean([one.mean for one in samples]))
    errors = np.array([one.std**2 / one.n for one in samples])
    free = np.array([one.n - 1 for one in samples])
    if not errors.any():
        return Interval(middle, middle)
    freedom = float(errors.sum() ** 2 / (errors**2 / free).sum())
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * math.sqrt(errors.sum()) / len(samples)
    return Interval(middle - half, middle + half)


def _resampled(kept: Sequence[Floats], seed: int) -> Interval:
    means = [_means_of_resamples(values, seed + k) for k, values in enumerate(kept)]
    sizes = [len(values) for values in kept]
    return quantiles(np.mean(means, axis=0), min(sizes), sum(sizes) - len(sizes))


def quantiles(draws: npt.ArrayLike, smallest: int, free: int) -> Interval:
    """Ends of the interval among bootstrap draws (RESAMPLES,); see expanded_ends."""
    low, high = expanded_ends(smallest, free)
    values = np.asarray(draws, np.float64)
    return Interval(
        float(np.quantile(values, low, method="lower")),
        float(np.quantile(values, high, method="higher")),
    )


def expanded_ends(smallest: int, free: int) -> tuple[float, float]:
    """Probabilities at which to read a bootstrap's quantiles: Student's, in normal units.

    Args:
        smallest: number of values that were resampled, of the smallest stratum.
        free: degrees of freedom: values less strata.
    """
    student = float(stdtrit(free, (1 + LEVEL) / 2))
    end = float(ndtr(-student * math.sqrt(smallest / (smallest - 1))))
    return end, 1 - end


def resamples(n: int, seed: int) -> npt.NDArray[np.int64]:
    """Positions (RESAMPLES, n); the same for every sample of n, so that a run is repeatable."""
    return _kept_resamples(n, seed) if n <= KEPT else np.concatenate(list(_drawn(n, seed)))


def _means_of_resamples(values: Floats, seed: int) -> Floats:
    n = len(values)
    parts = [_kept_resamples(n, seed)] if n <= KEPT else _drawn(n, seed)
    return np.concatenate([values[drawn].mean(axis=1) for drawn in parts])


@lru_cache(maxsize=64)
def _kept_resamples(n: int, seed: int) -> npt.NDArray[np.int64]:
    return np.concatenate(list(_drawn(n, seed)))


def _drawn(n: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the rows of `resamples` in parts; in parts or at once, the same numbers are drawn."""
    rng, rows = np.random.default_rng([seed, n]), max(1, DRAWN // n)
    for start in range(0, RESAMPLES, rows):
        yield rng.integers(n, size=(min(rows, RESAMPLES - start), n))


def resampled_means(
    rows: npt.ArrayLike, drawn: npt.NDArray[np.int64], sizes: npt.ArrayLike | None = None
) -> Floats:
    """Means of the columns of resampled rows.

    Args:
        rows: (n, K) values, NaN where there is none.
        drawn: (R, n) positions of rows.
        sizes: (n, K) how many values each is the mean of, and so how much it weighs. None: one.

    Returns:
        (R, K); NaN where a draw holds no value of a column.
    """
    values = np.asarray(rows, np.float64)
    known = np.isfinite(values)
    weights = known if sizes is None else np.where(known, np.asarray(sizes, np.float64), 0)
    cells = np.arange(len(drawn))[:, None] * len(values) + drawn
    times = np.bincount(cells.ravel(), minlength=len(drawn) * len(values)).astype(np.float64)
    times = times.reshape(len(drawn), len(values))  # (R, n): how often each row was drawn
    counts = times @ weights
    means = np.full(counts.shape, np.nan)
    np.divide(times @ (weights * np.where(known, values, 0)), counts, out=means, where=counts > 0)
    return means
