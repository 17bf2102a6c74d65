"""The papers' tables from records: each measured cell beside the printed value.

Values stand in the unit of the print. `printed_low` and `printed_high` are Student's interval of
the printed mean, from the printed standard deviation and the number of seeds, where both are
given; `difference` is measured minus printed, with Welch's interval. `within_both` says whether
each of the two means lies in the other's interval: "yes", "no", or "" where one has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pandas as pd

from analysis.sections.papers.match import CURVE, Curve, Json, belongs, curves, departs
from analysis.sections.papers.printed import PrintedTable, printed_tables
from analysis.sections.papers.values import Cell, Measured
from analysis.statistics import intervals
from analysis.statistics.bootstrap import mean_interval
from analysis.statistics.intervals import Floats, Interval, Moments
from analysis.study.study import Study
from analysis.tables import table

COLUMNS = [
    "printed_row", *CURVE, "labelled", "round", "metric", "n", "mean", "std", "low", "high",
    "printed_mean", "printed_std", "printed_seeds", "printed_low", "printed_high",
    "difference", "difference_low", "difference_high", "within_both", "departs", "note",
]  # fmt: skip


class Estimate(NamedTuple):
    """A mean over seeds with its spread, and its interval."""

    moments: Moments
    interval: Interval


def paper_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Make every table of the papers that this study has a cell of, by name."""
    found = curves(study)
    measured = Measured(study)
    rows = {p.name: list(_rows(p, found, measured)) for p in _of_sweeps(study.sweeps)}
    return {name: table(cells, COLUMNS) for name, cells in rows.items() if cells}


def titles() -> dict[str, str]:
    """What each of the papers' tables is called, with the paper's recipe."""
    return {
        name: f"{printed.title} (in print: {printed.recipe})"
        for name, printed in printed_tables().items()
    }


def _of_sweeps(sweeps: Iterable[str]) -> list[PrintedTable]:
    """Tables that sweeps of these names were written for; a sweep of one's own may fit any."""
    tables = printed_tables().values()
    known = {sweep for printed in tables for sweep in printed.sweeps}
    names = set(sweeps)
    return [
        printed
        for printed in tables
        if printed.sweeps & names or (printed.elsewhere and names - known)
    ]


def _rows(
    printed: PrintedTable, found: Iterable[Curve], measured: Measured
) -> Iterator[dict[str, Any]]:
    printed_cells: list[dict[str, Any]] = [
        dict(zip(map(str, printed.cells), row, strict=True))
        for row in printed.cells.itertuples(index=False, name=None)
    ]
    for curve in found:
        for row in printed_cells:
            if belongs(curve, row, any_learner=printed.any_learner):
                for cell in measured.cells(curve, row):
                    yield _row(printed, curve, row, cell)


def _row(printed: PrintedTable, curve: Curve, row: Json, cell: Cell) -> dict[str, Any]:
    ours = _of_values(cell.values * printed.factor)
    theirs = _of_print(row)
    low, high = intervals.welch_interval(ours.moments, theirs.moments)
    return {
        "printed_row": row["printed_row"],
        **dict(zip(CURVE, curve.place, strict=True)),
        "labelled": cell.labelled,
        "round": cell.round,
        "metric": row["metric"],
        **ours.moments._asdict(),
        **ours.interval._asdict(),
        **{f"printed_{name}": value for name, value in theirs.interval._asdict().items()},
        "printed_mean": theirs.moments.mean,
        "printed_std": theirs.moments.std,
        "printed_seeds": theirs.moments.n,
        "difference": ours.moments.mean - theirs.moments.mean,
        "difference_low": low,
        "difference_high": high,
        "within_both": _within_both(ours, theirs),
        "departs": departs(curve, row),
        "note": row["note"],
    }


def _of_values(values: Floats) -> Estimate:
    return Estimate(intervals.moments(values), mean_interval(values))


def _of_print(row: Json) -> Estimate:
    printed = Moments(*(float(row[name]) for name in ("mean", "std", "seeds")))
    return Estimate(printed, intervals.student_interval_of(printed))


def _within_both(ours: Estimate, theirs: Estimate) -> str:
    if math.isnan(ours.interval.low) or math.isnan(theirs.interval.low):
        return ""
    here = ours.interval.low <= theirs.moments.mean <= ours.interval.high
    there = theirs.interval.low <= ours.moments.mean <= theirs.interval.high
    return "yes" if here and there else "no"
