"""Strategies over several datasets: mean ranks, critical difference, who beats whom how often."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, fdtrc, stdtr

from analysis.statistics.choices import paired_by_choice
from analysis.statistics.intervals import Floats, are_equal
from analysis.statistics.paired_tests import ALPHA, holm

Counts = npt.NDArray[np.int64]


class Ranking(NamedTuple):
    """Mean ranks (S,), best 1; what mean ranks must differ by; p that all are alike.

    p_friedman is of the chi-square approximation, p of Iman and Davenport's F, which holds its
    level better with few datasets; p is no smaller than the chance that all of them rank alike.
    """

    ranks: Floats
    critical_difference: float
    p_friedman: float
    p: float


class WinCounts(NamedTuple):
    """How often the strategy of a ROW was shown to be better than that of a COLUMN, (S, S) each.

    wins[i, j] = losses[j, i]; untested counts cells without two shared seeds.
    """

    wins: Counts
    ties: Counts
    losses: Counts
    untested: Counts


def ranking(values: npt.ArrayLike, datasets: Sequence[str] | None = None) -> Ranking:
    """Rank strategies within each setting, highest value first, ties sharing their ranks.

    Friedman's test and Nemenyi's critical difference at .05 (Demsar 2006, section 3.2.2). Both
    take datasets to be independent. Settings of one dataset are not: their ranks are averaged, and
    count as those of one dataset.

    Args:
        values: (settings, S) of finite values.
        datasets: (settings,), that each setting is of; None: each of another.

    Returns:
        All but the ranks NaN for fewer than two datasets or strategies.
    """
    from scipy.stats import rankdata, studentized_range  # slow to import

    matrix = np.asarray(values, np.float64)
    ranks = _by_dataset(rankdata(-_places(matrix), axis=1), datasets)
    n, s = ranks.shape
    if n < 2 or s < 2:
        return Ranking(ranks.mean(axis=0), math.nan, math.nan, math.nan)
    chi2 = _friedman(ranks)
    spread = n * (s - 1) - chi2
    f = (n - 1) * chi2 / spread if spread > 1e-9 else math.inf
    q = float(studentized_range.ppf(1 - ALPHA, s, np.inf)) / math.sqrt(2)
    difference = q * math.sqrt(s * (s + 1) / (6 * n))
    p = 0.0 if math.isinf(f) else float(fdtrc(s - 1, (s - 1) * (n - 1), f))
    least = math.exp(-(n - 1) * math.lgamma(s + 1))  # where all rank alike F has no end, and p is 0
    return Ranking(ranks.mean(axis=0), difference, float(chdtrc(s - 1, chi2)), max(p, least))


def _by_dataset(ranks: Floats, datasets: Sequence[str] | None) -> Floats:
    """Average ranks (settings, S) within each dataset: (datasets, S)."""
    if datasets is None:
        return ranks
    names = np.asarray(datasets)
    return np.array([ranks[names == name].mean(axis=0) for name in dict.fromkeys(datasets)])


def _places(matrix: Floats) -> Floats:
    """Number the values (n, S) of each row from the lowest; those equal but for rounding alike."""
    order = np.argsort(matrix, axis=1)
    ascending = np.take_along_axis(matrix, order, axis=1)
    is_new = np.ones(matrix.shape, bool)
    is_new[:, 1:] = ~are_equal(ascending[:, 1:], ascending[:, :-1])
    places = np.empty_like(matrix)
    np.put_along_axis(places, order, np.cumsum(is_new, axis=1), axis=1)
    return places


def compact_letters(ranks: npt.ArrayLike, critical_difference: float) -> list[str]:
    """Letters (S,): strategies that share one are not shown to differ.

    Each letter stands for a longest run of neighbors, by rank, within the critical difference.
    Without such a difference (NaN) nothing was tested, and there are no letters.
    """
    values = np.asarray(ranks, np.float64)
    if math.isnan(critical_difference):
        return [""] * len(values)
    order = np.argsort(values, kind="stable")
    letters = [""] * len(values)
    last_end, group = -1, 0
    for start in range(len(order)):
        within = values[order] - values[order[start]] < critical_difference
        end = int(np.flatnonzero(within).max(initial=start))
        if end > last_end:
            for k in order[start : end + 1]:
                letters[k] += _letter(group)
            last_end, group = end, group + 1
    return letters


def win_counts(
    cells: list[Floats],
    choices: list[npt.NDArray[Any]] | None = None,
    places: list[list[int]] | None = None,
) -> WinCounts:
    """Count in how many cells one strategy is better than another on shared seeds.

    In each cell every two strategies meet in Student's paired test, corrected by Holm over all
    that meet there; a win is a corrected p below .05. Where every pair differs by the same
    amount there is no test, and so no win.

    Args:
        cells: for each dataset and budget, values (seeds, S), NaN where there is none.
        choices: of each cell, what was chosen, (seeds, S); equal ones are one. A strategy that
            made one choice is not tested. None: all differ.
        places: of each cell, which of its columns each strategy is, -1 for none; strategies of one
            column are one there, and tie. None: column by column.
    """
    s = len(places[0]) if places else cells[0].shape[1] if cells else 0
    wins, ties, untested = (np.zeros((s, s), np.int64) for _ in range(3))
    for k, values in enumerate(cells):
        mean, p = pairwise(values, None if choices is None else choices[k])
        if places is not None:
            mean, p = (_at(matrix, places[k]) for matrix in (mean, p))
        better = (p < ALPHA) & (mean > 0)
        wins += better
        untested += np.isnan(mean) & ~np.eye(s, dtype=bool)
        ties += np.isfinite(mean) & ~better & ~better.T
    np.fill_diagonal(ties, 0)
    return WinCounts(wins, ties, wins.T.copy(), untested)


def _at(matrix: Floats, places: list[int]) -> Floats:
    """Rows and columns of a matrix (K, K) at places (S,): (S, S), NaN at those that are -1."""
    padded = np.pad(matrix, (0, 1), constant_values=np.nan)
    taken: Floats = padded[np.ix_(places, places)]
    return taken


def _friedman(ranks: Floats) -> float:
    """Friedman's chi-square of ranks (n, S), corrected for ties; 0 where all are tied."""
    n, s = ranks.shape
    spread = float(((ranks - (s + 1) / 2) ** 2).sum())
    between = float(((ranks.mean(axis=0) - (s + 1) / 2) ** 2).sum())
    return n * n * (s - 1) * between / spread if spread > 0 else 0.0


def pairwise(values: Floats, choices: npt.NDArray[Any] | None = None) -> tuple[Floats, Floats]:
    """Mean of row strategy minus column strategy, and its corrected p, (S, S) each.

    Args:
        values: (seeds, S), NaN where there is none.
        choices: (seeds, S), what was chosen; see win_counts.
    """
    mean, p = _student(values)
    if choices is not None:
        for i, j in _pairs_with_repeats(values, choices):
            units = paired_by_choice(values[:, i] - values[:, j], choices[:, i], choices[:, j])
            tested = _student(np.column_stack([units, np.zeros(len(units))]))
            mean[i, j], p[i, j] = tested[0][0, 1], tested[1][0, 1]
            mean[j, i], p[j, i] = -mean[i, j], p[i, j]
    corrected = np.full_like(p, np.nan)
    upper = np.triu_indices(len(p), 1)
    corrected[upper] = holm(p[upper])
    return mean, np.fmax(corrected, corrected.T)


def _pairs_with_repeats(values: Floats, choices: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Pairs of columns of which one made the same choice twice."""
    known = np.isfinite(values)
    repeats = [
        len(set(column[there].tolist())) < there.sum()
        for column, there in zip(choices.T, known.T, strict=True)
    ]
    for i, j in zip(*np.triu_indices(values.shape[1], 1), strict=True):
        if repeats[i] or repeats[j]:
            yield int(i), int(j)


def _student(values: Floats) -> tuple[Floats, Floats]:
    """Mean of row minus column, NaN below two pairs, and Student's p, (S, S) each."""
    differences = values[:, :, None] - values[:, None, :]  # (seeds, S, S)
    known = np.isfinite(differences)
    n = known.sum(axis=0)
    enough = n >= 2
    filled = np.where(known, differences, 0)
    mean = np.where(enough, filled.sum(axis=0) / np.maximum(n, 1), np.nan)
    squares = (np.where(known, differences - np.where(enough, mean, 0), 0) ** 2).sum(axis=0)
    spread = np.sqrt(squares / np.maximum(n - 1, 1))
    varied = enough & (spread > 1e-12 * np.abs(filled).max(axis=0, initial=0))
    t = np.divide(np.abs(mean) * np.sqrt(n), spread, out=np.zeros_like(spread), where=varied)
    return mean, np.where(varied, 2 * stdtr(np.maximum(n - 1, 1), -t), np.nan)


def _letter(group: int) -> str:
    return chr(ord("a") + group) if group < 26 else f"({group})"
