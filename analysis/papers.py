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
from scipy.special import stdtrit

from analysis import stats
from analysis.bootstrap import mean_interval
from analysis.frame import Study
from analysis.matching import CURVE, Curve, Json, belongs, curves, departs
from analysis.measured import Cell, Measured
from analysis.published import PrintedTable, printed_tables
from analysis.stats import LEVEL, NO_INTERVAL, Floats, Interval
from analysis.tables import table

COLUMNS = [
    "printed_row", *CURVE, "labelled", "round", "metric", "n", "mean", "std", "low", "high",
    "printed_mean", "printed_std", "printed_seeds", "printed_low", "printed_high",
    "difference", "difference_low", "difference_high", "within_both", "departs", "note",
]  # fmt: skip


class Estimate(NamedTuple):
    """A mean with its sample standard deviation, its number of seeds and its interval."""

    mean: float
    std: float
    n: float
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
    low, high = _welch(ours, theirs)
    return {
        "printed_row": row["printed_row"],
        **dict(zip(CURVE, curve.place, strict=True)),
        "labelled": cell.labelled,
        "round": cell.round,
        "metric": row["metric"],
        **{"n": ours.n, "mean": ours.mean, "std": ours.std},
        **ours.interval._asdict(),
        **{f"printed_{name}": value for name, value in theirs.interval._asdict().items()},
        "printed_mean": theirs.mean,
        "printed_std": theirs.std,
        "printed_seeds": theirs.n,
        "difference": ours.mean - theirs.mean,
        "difference_low": low,
        "difference_high": high,
        "within_both": _within_both(ours, theirs),
        "departs": departs(curve, row),
        "note": row["note"],
    }


def _of_values(values: Floats) -> Estimate:
    n = len(stats.finite(values))
    return Estimate(stats.mean(values), stats.std(values), n, mean_interval(values))


def _of_print(row: Json) -> Estimate:
    mean, std, n = (float(row[name]) for name in ("mean", "std", "seeds"))
    if not (std >= 0 and n >= 2):
        return Estimate(mean, std, n, NO_INTERVAL)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * std / math.sqrt(n)
    return Estimate(mean, std, n, Interval(mean - half, mean + half))


def _welch(ours: Estimate, theirs: Estimate) -> Interval:
    """Interval of the difference of two means whose variances may differ."""
    if not (ours.std >= 0 and theirs.std >= 0 and theirs.n >= 2):
        return NO_INTERVAL
    a, b = ours.std**2 / ours.n, theirs.std**2 / theirs.n
    difference = ours.mean - theirs.mean
    if a + b == 0:
        return Interval(difference, difference)
    free = (a + b) ** 2 / (a * a / (ours.n - 1) + b * b / (theirs.n - 1))
    half = float(stdtrit(free, (1 + LEVEL) / 2)) * math.sqrt(a + b)
    return Interval(difference - half, difference + half)


def _within_both(ours: Estimate, theirs: Estimate) -> str:
    if math.isnan(ours.interval.low) or math.isnan(theirs.interval.low):
        return ""
    here = ours.interval.low <= theirs.mean <= ours.interval.high
    there = theirs.interval.low <= ours.mean <= theirs.interval.high
    return "yes" if here and there else "no"
