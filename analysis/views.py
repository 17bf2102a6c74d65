"""Tables as the page shows them: cells with the text to read and the number to sort by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from analysis.tables import CYCLES, SETTING, SINGLE, groups, shapes

Tables = dict[str, pd.DataFrame]
MOST_ROWS = 300  # on the page; the CSV has all
NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


class Cell(NamedTuple):
    """Text of a cell, what it sorts by, and whether it stands out."""

    text: str
    sort: float | str
    strong: bool = False


class View(NamedTuple):
    """A table on the page. The first `names` columns name the row; `rows_left` are in the CSV."""

    caption: str
    source: str
    header: list[str]
    rows: list[list[Cell]]
    names: int
    rows_left: int = 0


def views(tables: Tables) -> dict[str, list[View]]:
    """Return the tables of every section of the page."""
    shown = {
        "auc": _by_shape(tables["summary"], partial(_pivot, "auc", "AUC", 3)),
        "coverage": _by_shape(tables["coverage"], partial(_pivot, "coverage", "Class coverage", 2)),
        "against": _by_shape(tables["against_random"], _against),
        "saved": _by_shape(tables["annotation_saved"], _saved),
        "aubc": _by_shape(tables["aubc"], _aubc),
        "correlation": [_correlation(tables["correlation"])],
        "failures": [_failures(tables["failures"])],
    }
    return {section: [view for view in part if view.rows] for section, part in shown.items()}


def _by_shape(table: pd.DataFrame, view_of: Callable[[pd.DataFrame], View]) -> list[View]:
    """Show single queries and cycles apart; where both are there, the caption says which."""
    shape = shapes(table)
    parts = [(name, table[shape == name]) for name in (SINGLE, CYCLES) if (shape == name).any()]
    if len(parts) < 2:
        return [view_of(part) for _, part in parts]
    named = [(name, view_of(part)) for name, part in parts]
    return [
        view._replace(caption=f"{name[0].upper()}{name[1:]}: {view.caption}")
        for name, view in named
    ]


def _pivot(measure: str, title: str, digits: int, summary: pd.DataFrame) -> View:
    """A row per way to choose, a column per number of labelled images: mean ± std."""
    summary = summary[summary["done"] > 0]
    names = _naming(summary, ["initial", "strategy"])
    budgets = sorted(summary["labelled"].unique())
    best = summary.groupby([*SETTING, "labelled"])[f"{measure}_mean"].transform("max")
    summary = summary.assign(best=summary[f"{measure}_mean"] == best)
    rows = []
    for key, cells in groups(summary, [*SETTING, "initial", "strategy", "rounds"]):
        found = {row["labelled"]: row for row in cells.to_dict("records")}
        values = [_mean_std(found.get(budget), measure, digits) for budget in budgets]
        done = [row["done"] for row in found.values()]
        trials = f"{min(done)}" if min(done) == max(done) else f"{min(done)} to {max(done)}"
        rows.append([*_name_cells(key, names), Cell(trials, min(done)), *values])
    caption = f"{title}, mean ± sample standard deviation over trials, by labelled images"
    header = [*names, "trials", *(f"{budget}" for budget in budgets)]
    return _view(
        caption, "summary.csv" if measure == "auc" else "coverage.csv", header, rows, names
    )


def _against(against: pd.DataFrame) -> View:
    against = against[(against["metric"] == "auc") & (against["n"] > 0)]
    names = _naming(against, ["varied", "initial", "strategy"])
    rows = []
    for row in against.to_dict("records"):
        shown = not math.isnan(row["low"]) and not row["low"] <= 0 <= row["high"]
        rows.append([
            *_name_cells(row, names), _whole(row["labelled"]), _whole(row["n"]),
            _number(row["own_mean"], ".3f"), _number(row["random_mean"], ".3f"),
            _number(row["mean"], "+.3f", strong=shown), _range(row["low"], row["high"], "+.3f"),
        ])  # fmt: skip
    header = [*names, "labelled", "seeds", "AUC", "random", "difference", "95 % interval"]
    caption = (
        "AUC against random on shared seeds: mean paired difference and Student's interval; "
        "bold where the interval leaves out zero (no correction for the number of comparisons)"
    )
    return _view(caption, "against_random.csv", header, rows, names)


def _saved(saved: pd.DataFrame) -> View:
    saved = saved[saved["labelled"] == saved.groupby(SETTING)["labelled"].transform("max")]
    names = _naming(saved, ["varied", "initial", "strategy"])
    rows = []
    for row in saved.to_dict("records"):
        reached = not math.isnan(row["saved"])
        bound = "≤ " if row["at_least"] else ""
        needed = f"{bound}{row['images_needed']:.0f}" if reached else "not reached"
        share = f"{'≥ ' if bound else ''}{100 * row['saved']:.0f} %" if reached else NONE
        rows.append([
            *_name_cells(row, names), _whole(row["labelled"]), _number(row["random_auc"], ".3f"),
            Cell(needed, row["images_needed"] if reached else math.inf),
            Cell(share, row["saved"] if reached else -math.inf),
        ])  # fmt: skip
    header = [*names, "labels of random", "its AUC", "labels needed", "saved"]
    caption = "Labels needed for the mean AUC that random has with the most labels"
    return _view(caption, "annotation_saved.csv", header, rows, names)


def _aubc(areas: pd.DataFrame) -> View:
    names = _naming(areas, ["varied", "initial", "strategy"])
    rows = [
        [
            *_name_cells(row, names), _whole(row["n"]),
            _pair(row["aubc_mean"], row["aubc_std"], 3),
            _number(row["difference"], "+.3f"), _range(row["low"], row["high"], "+.3f"),
            _whole(row["n_pairs"]) if row["n_pairs"] else Cell(NONE, 0),
        ]
        for row in areas.to_dict("records")
    ]  # fmt: skip
    header = [*names, "curves", "area", "against random", "95 % interval", "shared seeds"]
    caption = "Area under the AUC curve over its range of budgets, mean ± standard deviation"
    return _view(caption, "aubc.csv", header, rows, names)


def _correlation(correlation: pd.DataFrame) -> View:
    names = _naming(correlation, ["strategy"])
    rows = []
    for row in correlation.to_dict("records"):
        p = row["p"]
        text = row["reason"] if math.isnan(p) else "< .001" if p < 0.001 else f"{p:.3f}"
        rows.append([
            *_name_cells(row, names), _whole(row["labelled_first"]), _whole(row["labelled_last"]),
            _whole(row["n"]), _number(row["r"], ".2f"), _range(row["low"], row["high"], ".2f"),
            Cell(text, math.inf if math.isnan(p) else p),
        ])  # fmt: skip
    header = [*names, "first", "last", "trials", "r", "95 % interval", "p"]
    caption = "Pearson's correlation of the AUC after the first query with that after the last"
    return _view(caption, "correlation.csv", header, rows, names)


def _failures(failures: pd.DataFrame) -> View:
    names = _naming(failures, ["initial", "strategy"])
    rows = [
        [
            *_name_cells(row, names),
            Cell(", ".join(map(str, row["schedule"])), row["schedule"][0]),
            _whole(row["seed"]), Cell(row["error"], row["error"]), Cell(row["log"], row["log"]),
        ]
        for row in failures.to_dict("records")
    ]  # fmt: skip
    header = [*names, "labelled", "seed", "error", "log, in the run's directory"]
    return _view("Trials that failed", "failures.csv", header, rows, names)


def _view(
    caption: str,
    source: str,
    header: list[str],
    rows: list[list[Cell]],
    names: Sequence[str],
) -> View:
    rest = max(0, len(rows) - MOST_ROWS)
    return View(caption, source, header, rows[:MOST_ROWS], len(names), rest)


def _naming(table: pd.DataFrame, who: list[str]) -> list[str]:
    """Columns that tell rows apart: settings and names that have more than one value."""
    several = [k for k in SETTING if k in table and table[k].nunique() > 1]
    if "initial" in who and (table["initial"] == table["strategy"]).all():
        who = [k for k in who if k != "initial"]
    if "varied" in who and table["varied"].nunique() < 2:
        who = [k for k in who if k != "varied"]
    return [*several, *who]


def _name_cells(row: Mapping[Any, Any], names: Iterable[str]) -> Iterator[Cell]:
    return (Cell(str(row[name]), str(row[name])) for name in names)


def _mean_std(row: Mapping[Any, Any] | None, measure: str, digits: int) -> Cell:
    if row is None:
        return Cell("", -math.inf)
    strong = bool(row["best"])
    return _pair(row[f"{measure}_mean"], row[f"{measure}_std"], digits, strong=strong)


def _pair(mean: float, std: float, digits: int, *, strong: bool = False) -> Cell:
    if math.isnan(mean):
        return Cell(NONE, -math.inf)
    text = f"{mean:.{digits}f}"
    return Cell(text if math.isnan(std) else f"{text} ± {std:.{digits}f}", mean, strong)


def _number(value: float, form: str, *, strong: bool = False) -> Cell:
    return Cell(NONE, -math.inf) if math.isnan(value) else Cell(_signed(value, form), value, strong)


def _whole(value: float) -> Cell:
    return Cell(f"{value:,.0f}", value)


def _range(low: float, high: float, form: str) -> Cell:
    if math.isnan(low):
        return Cell(NONE, -math.inf)
    return Cell(f"{_signed(low, form)} to {_signed(high, form)}", low)


def _signed(value: float, form: str) -> str:
    return f"{value:{form}}".replace("-", MINUS)
