"""The papers' tables from records: each measured cell beside the printed value.

Values stand in the unit of the print. `printed_low` and `printed_high` are Student's interval of
the printed mean, from the printed standard deviation and the number of seeds, where both are
given. Mean and spread of what was measured are over seeds, as in print; its intervals are over
distinct choices of images, of which a strategy that draws nothing has one, and no interval.
`difference` is measured minus printed, with Welch's interval. `within_both` says whether
each of the two means lies in the other's interval: "yes", "no", or "" where one has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pandas as pd

from analysis.sections.papers.match import Curve, Json, belongs, curves, departs
from analysis.sections.papers.printed import PrintedTable, printed_tables
from analysis.sections.papers.values import Measured, PaperValue
from analysis.statistics import intervals
from analysis.statistics.bootstrap import interval_by_choice
from analysis.statistics.choices import moments_by_choice
from analysis.statistics.intervals import Interval, Moments
from analysis.study.grouping import CURVE, to_frame
from analysis.study.study import Study

COLUMNS = [
    "printed_row", *CURVE, "labelled", "round", "metric",
    "n", "choices", "mean", "std", "low", "high",
    "printed_mean", "printed_std", "printed_seeds", "printed_low", "printed_high",
    "difference", "difference_low", "difference_high", "within_both", "departs", "note",
]  # fmt: skip


class Estimate(NamedTuple):
    """A mean over seeds with its spread, and an interval of the mean."""

    moments: Moments
    interval: Interval


def paper_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Make every table of the papers that this study has a cell of, by name."""
    study_curves = curves(study)
    measured = Measured(study)
    rows = {p.name: list(_rows(p, study_curves, measured)) for p in _of_sweeps(study.sweeps)}
    return {name: to_frame(cells, COLUMNS) for name, cells in rows.items() if cells}


def titles() -> dict[str, str]:
    """What each of the papers' tables is called, with the paper's recipe and a note on it."""
    return {
        name: f"{printed.title} (in print: {printed.recipe})"
        + (f"; {printed.note}" if printed.note else "")
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
    printed: PrintedTable, study_curves: Iterable[Curve], measured: Measured
) -> Iterator[dict[str, Any]]:
    printed_cells: list[dict[str, Any]] = [
        dict(zip(map(str, printed.cells), row, strict=True))
        for row in printed.cells.itertuples(index=False, name=None)
    ]
    for curve in study_curves:
        for row in printed_cells:
            if belongs(curve, row, any_learner=printed.any_learner):
                for value in measured.at(curve, row):
                    yield _row(printed, curve, row, value)


def _row(printed: PrintedTable, curve: Curve, row: Json, value: PaperValue) -> dict[str, Any]:
    measured = _of_values(value, printed.factor)
    in_print = _of_print(row)
    of_choices = moments_by_choice(value.values * printed.factor, value.choices)
    low, high = intervals.welch_interval(of_choices, in_print.moments)
    return {
        "printed_row": row["printed_row"],
        **dict(zip(CURVE, curve.place, strict=True)),
        "labelled": value.labeled,
        "round": value.round,
        "metric": row["metric"],
        **measured.moments._asdict(),
        "choices": of_choices.n,
        **measured.interval._asdict(),
        **{f"printed_{name}": value for name, value in in_print.interval._asdict().items()},
        "printed_mean": in_print.moments.mean,
        "printed_std": in_print.moments.std,
        "printed_seeds": in_print.moments.n,
        "difference": measured.moments.mean - in_print.moments.mean,
        "difference_low": low,
        "difference_high": high,
        "within_both": _within_both(measured, in_print),
        "departs": departs(curve, row),
        "note": row["note"],
    }


def _of_values(value: PaperValue, factor: float) -> Estimate:
    values = value.values * factor
    return Estimate(intervals.moments(values), interval_by_choice(values, value.choices))


def _of_print(row: Json) -> Estimate:
    printed = Moments(*(float(row[name]) for name in ("mean", "std", "seeds")))
    return Estimate(printed, intervals.student_interval_of(printed))


def _within_both(measured: Estimate, in_print: Estimate) -> str:
    if math.isnan(measured.interval.low) or math.isnan(in_print.interval.low):
        return ""
    measured_within = measured.interval.low <= in_print.moments.mean <= measured.interval.high
    printed_within = in_print.interval.low <= measured.moments.mean <= in_print.interval.high
    return "yes" if measured_within and printed_within else "no"
