"""Every two strategies at each number of labels: is their difference significant?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.page.blocks import Block
from analysis.page.table import (
    PageTable,
    by_query_mode,
    count,
    interval,
    name_columns,
    number,
    p_value,
    page_table,
    text,
)
from analysis.sections.base import Report, Tables, competing, section
from analysis.sections.rankings.wins import by_seed
from analysis.sections.versus_random.differences import choices_once
from analysis.statistics.choices import by_choice, has_many_more, paired_by_choice
from analysis.statistics.intervals import Floats, paired_difference, welch
from analysis.statistics.ranking import pairwise
from analysis.study.grouping import SETTING, groups, to_frame
from analysis.study.measures import IN_WORDS
from analysis.study.study import Study

KEYS = [*SETTING, "rounds", "round", "labelled"]
COLUMNS = [
    *KEYS, "measure", "better", "other", "better_mean", "other_mean", "difference", "low", "high",
    "test", "n", "p_corrected",
]  # fmt: skip
PAIRED, UNPAIRED = "Student, paired", "Welch"


def tables(study: Study, _earlier: Tables) -> Tables:
    """Every two selections by the primary measure."""
    return {"pairs": pairs(study)}


def pairs(study: Study) -> pd.DataFrame:
    """Differences of every two selections at each number of labels, the higher mean first.

    `low` and `high` are the 95 % interval of the difference alone; `p_corrected` holds for all
    pairs at this number of labels, as in `tests_of_pairs`. `n` counts the pairs of distinct choices
    that Student's test is over; Welch's is over all choices of both. Strategies that read true
    labels are left out.
    """
    rows = (
        {**key, "measure": study.measure, **row}
        for key, part in groups(selections(study), KEYS)
        for row in _rows(part.dropna(subset=[study.measure]), study.baseline, study.measure)
    )
    return to_frame(rows, COLUMNS)


def selections(study: Study) -> pd.DataFrame:
    """Rounds of the strategies that compete, with who chose the images as `selection`.

    A first query of cycles is there once a seed, however many later strategies go on from it:
    seeds that more of them have would weigh more in its mean.
    """
    view = competing(study.compared_rounds, study)
    later = study.selection(view["initial"], view["strategy"])
    named = view.assign(selection=view["initial"].where(view["round"] == 0, later))
    return named.drop_duplicates([*KEYS, "selection", "seed"])


class Cell(NamedTuple):
    """One setting and number of labels: what its selections (S,) reached by a measure.

    values, choices: by seed, (seeds, S), NaN where there is none. distinct: of each selection, the
    mean of each choice of images. random: which selection is random throughout, if one is.
    """

    names: list[str]
    values: Floats
    choices: npt.NDArray[Any]
    distinct: list[Floats]
    random: str | None

    @classmethod
    def of(cls, part: pd.DataFrame, names: list[str], baseline: str, measure: str) -> Cell:
        """Lay out the rounds of a cell, by `selections`."""
        values = by_seed(part, names, measure).to_numpy(np.float64)
        choices = by_seed(part, names, "choice").to_numpy()
        distinct = [by_choice(*columns) for columns in zip(values.T, choices.T, strict=True)]
        return cls(names, values, choices, distinct, random_of(part, baseline))

    def is_unpaired(self, i: int, j: int) -> bool:
        """Whether one of two is random and has so many more choices that all of them count."""
        random, other = (i, j) if self.names[i] == self.random else (j, i)
        return self.names[random] == self.random and has_many_more(
            len(self.distinct[random]), len(self.distinct[other])
        )


def tests_of_pairs(cell: Cell) -> tuple[Floats, Floats]:
    """Mean of row less column, and its corrected p, (S, S) each.

    Student's paired test over choices, with Holm's correction over all pairs; for random, where it
    has many more choices, Welch's test over all of them with Bonferroni's correction.
    """
    difference, p = pairwise(cell.values, cell.choices)
    every = list(combinations(range(len(cell.names)), 2))
    for i, j in every:
        if cell.is_unpaired(i, j):
            result = welch(cell.distinct[i], cell.distinct[j])
            p[i, j] = p[j, i] = len(every) * result.p_welch
            difference[i, j], difference[j, i] = result.all_mean, -result.all_mean
    return difference, p


def random_of(part: pd.DataFrame, baseline: str) -> str | None:
    """The selection that is random throughout, where it was measured here."""
    both = part[(part["initial"] == baseline) & (part["strategy"] == baseline)]
    return str(both["selection"].iloc[0]) if len(both) else None


@section("pairs", title="Every two", heading="Every two strategies", order=45, tables=tables)
def content(report: Report) -> Iterator[Block]:
    """The differences, where there are two strategies besides random selection."""
    table = report.tables["pairs"]
    if len(set(table["better"]) | set(table["other"])) > 2:
        yield from by_query_mode(table, partial(_table, IN_WORDS[report.study.measure]))


def _rows(part: pd.DataFrame, baseline: str, measure: str) -> Iterator[dict[str, Any]]:
    means = part.groupby("selection", sort=False)[measure].mean()
    names = list(means.sort_values(ascending=False, kind="stable").index)
    cell = Cell.of(part, names, baseline, measure)
    _, p = tests_of_pairs(cell)
    for i, j in combinations(range(len(names)), 2):
        yield {
            "better": names[i],
            "other": names[j],
            "better_mean": means[names[i]],
            "other_mean": means[names[j]],
            **_difference(cell, i, j),
            "p_corrected": min(p[i, j], 1.0) if np.isfinite(p[i, j]) else np.nan,
        }


def _difference(cell: Cell, i: int, j: int) -> dict[str, Any]:
    """Return the difference of two with its interval, over what its test is over."""
    if cell.is_unpaired(i, j):
        mean, low, high, _ = welch(cell.distinct[i], cell.distinct[j])
        return {"difference": mean, "low": low, "high": high, "test": UNPAIRED, "n": np.nan}
    differences = cell.values[:, i] - cell.values[:, j]
    units = paired_by_choice(differences, cell.choices[:, i], cell.choices[:, j])
    mean, _, low, high, n = paired_difference(units, np.zeros(len(units)))
    return {"difference": mean, "low": low, "high": high, "test": PAIRED, "n": n}


def _table(words: str, rows: pd.DataFrame) -> PageTable:
    table = page_table(
        f"Difference in {words} of every two strategies, the higher mean first: 95 % interval of "
        "the difference alone, and p corrected for all pairs at this number of labels (Holm; Welch "
        "against random with many more draws: Bonferroni); bold below .05",
        "pairs.csv",
        rows,
        name_columns(rows, []),
        [
            count("labeled", "labelled"),
            text("higher mean", "better"),
            text("compared with", "other"),
            number("difference", "difference", "+.3f", shown_by="p_corrected"),
            interval("95 % interval", "low", "high", "+.3f"),
            p_value("p, corrected", "p_corrected", strong=True),
            count("pairs of choices", "n"),
        ],
    )
    of_means = rows["better_mean"] - rows["other_mean"]
    return replace(table, note=choices_once(of_means, rows["difference"]))
