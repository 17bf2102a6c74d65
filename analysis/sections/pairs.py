"""Every two strategies at each number of labels: is their difference significant?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
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
from analysis.sections.rankings import by_seed
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
    """Rounds of the strategies that compete, with who chose the images as `selection`."""
    view = competing(study.compared_rounds, study)
    later = study.selection(view["initial"], view["strategy"])
    return view.assign(selection=view["initial"].where(view["round"] == 0, later))


def tests_of_pairs(
    part: pd.DataFrame, names: list[str], random: str | None, measure: str
) -> tuple[Floats, Floats]:
    """Mean of row less column by a measure, and its corrected p, (S, S) each.

    Student's paired test over choices, with Holm's correction over all pairs; for random, where it
    has many more choices, Welch's test over all of them with Bonferroni's correction.

    Args:
        part: rounds of one setting and number of labels, by `selections`.
        names: the selections (S,).
        random: which of them is random, if one is.
        measure: the column to compare by.
    """
    chosen = by_seed(part, names, "choice").to_numpy()
    difference, p = pairwise(by_seed(part, names, measure).to_numpy(np.float64), chosen)
    values, number_of_pairs = _by_selection(part, measure), len(names) * (len(names) - 1) // 2
    for k, name in enumerate(names):
        if random and name != random and has_many_more(len(values[random]), len(values[name])):
            at = names.index(random)
            p[at, k] = p[k, at] = number_of_pairs * welch(values[name], values[random]).p_welch
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
    random = random_of(part, baseline)
    _, p = tests_of_pairs(part, names, random, measure)
    for (i, better), (j, other) in combinations(enumerate(names), 2):
        yield {
            "better": better,
            "other": other,
            "better_mean": means[better],
            "other_mean": means[other],
            **_difference(part, better, other, random, measure),
            "p_corrected": min(p[i, j], 1.0) if np.isfinite(p[i, j]) else np.nan,
        }


def _difference(
    part: pd.DataFrame, better: str, other: str, random: str | None, measure: str
) -> dict[str, Any]:
    """Return the difference with its interval, over pairs or over all choices, as it is tested."""
    values = _by_selection(part, measure)
    n_better, n_other = len(values[better]), len(values[other])
    if (other == random and has_many_more(n_other, n_better)) or (
        better == random and has_many_more(n_better, n_other)
    ):
        result = welch(values[better], values[other])
        ends = {"low": result.all_low, "high": result.all_high}
        return {"difference": result.all_mean, **ends, "test": UNPAIRED, "n": np.nan}
    own, opposing = by_seed(part, [better, other], measure).to_numpy(np.float64).T
    chosen = by_seed(part, [better, other], "choice").to_numpy().T
    units = paired_by_choice(own - opposing, *chosen)
    paired = paired_difference(units, np.zeros(len(units)))
    ends = {"low": paired.low, "high": paired.high}
    return {"difference": paired.mean, **ends, "test": PAIRED, "n": paired.n}


def _by_selection(part: pd.DataFrame, measure: str) -> dict[str, Floats]:
    """Values of each selection's distinct choices."""
    return {
        str(name): by_choice(rows[measure], rows["choice"])
        for name, rows in part.groupby("selection", sort=False)
    }


def _table(words: str, rows: pd.DataFrame) -> PageTable:
    return page_table(
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
