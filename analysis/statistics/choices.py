"""The unit of a test is the choice: trials in which the same images were chosen are one.

A strategy that draws nothing chooses the same images whatever its seed. Its trials differ by what
the learner draws, and five of them say no more of the strategy than one: counted as five, they show
"differences" that are the luck of a single choice.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.statistics.intervals import Floats, Moments, finite, mean

MANY_TIMES = 3


class Place(NamedTuple):
    """Where a value lies among draws: how many are below it, of how many."""

    below: int
    draws: int


def by_choice(values: npt.ArrayLike, choices: npt.ArrayLike) -> Floats:
    """Mean of the finite values (n,) of each choice (n,): (m,), in the order of the first ones."""
    array = np.asarray(values, np.float64)
    known = np.isfinite(array)
    array, which = array[known], np.asarray(choices)[known]
    _, first, place = np.unique(which, return_index=True, return_inverse=True)
    sums = np.bincount(place, array, minlength=len(first))
    means: Floats = (sums / np.maximum(np.bincount(place, minlength=len(first)), 1))[
        np.argsort(first)
    ]
    return array if len(means) == len(array) else means


def are_equally_often(values: npt.ArrayLike, choices: npt.ArrayLike) -> bool:
    """Whether each choice (n,) has as many finite values (n,) as any other."""
    known = np.isfinite(np.asarray(values, np.float64))
    _, counts = np.unique(np.asarray(choices)[known], return_counts=True)
    return len(set(counts.tolist())) < 2


def moments_by_choice(values: npt.ArrayLike, choices: npt.ArrayLike) -> Moments:
    """Mean of all finite values (n,), with the number of choices (n,) and the spread among them.

    The spread is the one whose error, std / sqrt(n), is that of a mean of clusters (Liang and
    Zeger 1986); where all choices were made equally often it is that of their means.
    """
    array, which = np.asarray(values, np.float64), np.asarray(choices)
    known = np.isfinite(array)
    array = array[known]
    _, place = np.unique(which[known], return_inverse=True)
    middle, m = mean(array), int(place.max(initial=-1)) + 1
    if m < 2:
        return Moments(middle, math.nan, m)
    away = np.bincount(place, array - middle)
    return Moments(middle, math.sqrt(float((away**2).sum()) / (m - 1)) * m / len(array), m)


def rows_by_choice(rows: npt.ArrayLike, choices: npt.ArrayLike) -> Floats:
    """Mean of the rows (n, K) of each choice (n,), column by column: (m, K); NaN does not count."""
    matrix, which = np.asarray(rows, np.float64), np.asarray(choices)
    names = list(dict.fromkeys(which.tolist()))
    if len(names) == len(matrix):
        return matrix
    parts = [matrix[which == name] for name in names]
    counts = np.array([np.isfinite(part).sum(axis=0) for part in parts])
    sums = np.array([np.nansum(part, axis=0) for part in parts])
    means: Floats = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def sizes_by_choice(rows: npt.ArrayLike, choices: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Number of finite values behind each mean of `rows_by_choice`: (m, K)."""
    known, which = np.isfinite(np.asarray(rows, np.float64)), np.asarray(choices)
    names = list(dict.fromkeys(which.tolist()))
    return np.array([known[which == name].sum(axis=0) for name in names], np.int64)


def paired_by_choice(
    differences: npt.ArrayLike, choices: npt.ArrayLike, opposing: npt.ArrayLike
) -> Floats:
    """Mean difference of each choice, of the side that made fewer of them: (m,).

    Args:
        differences: (n,), seed by seed; NaN does not count.
        choices: (n,), of the one strategy.
        opposing: (n,), of the other.
    """
    array = np.asarray(differences, np.float64)
    known = np.isfinite(array)
    fewer = fewer_choices(np.asarray(choices)[known], np.asarray(opposing)[known])
    return by_choice(array[known], fewer)


def fewer_choices(choices: npt.ArrayLike, opposing: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return the choices (n,) of the one side or the other, of that which made fewer of them."""
    sides = np.asarray(choices), np.asarray(opposing)
    return min(sides, key=lambda side: len(np.unique(side)))


def has_many_more(random: int, strategy: int) -> bool:
    """Whether random selection made so many more choices that pairs alone would waste the others.

    All of its choices are then compared with all of the strategy's, by Welch's test.
    """
    return random >= MANY_TIMES * strategy


def place_among(value: float, draws: npt.ArrayLike) -> Place:
    """Count the draws (n,) that lie below a value; those that equal it do not."""
    known = finite(draws)
    # Means that are equal in exact arithmetic differ in the last places.
    return Place(int((known < value - 1e-12 * abs(value)).sum()), len(known))
