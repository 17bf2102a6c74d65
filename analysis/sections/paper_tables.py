"""Tables as a paper prints them: a strategy a row, a number of labels a column, in LaTeX."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from analysis.figures.curves import capital
from analysis.figures.style import file_names
from analysis.figures.text import one_line
from analysis.page.blocks import Block, PrintedFiles, Text
from analysis.page.budgets import STOPPED, STOPPED_IN_WORDS, is_stopped
from analysis.page.typeset import PrintedCell, PrintedTable
from analysis.sections.base import Report, Tables, section
from analysis.study.grouping import CYCLES, SETTING, groups, query_modes
from analysis.study.measures import IN_WORDS, bounded, in_order
from analysis.study.methods import methods
from analysis.study.stopped import SPARED
from analysis.study.study import Study
from analysis.study.wording import spanned

INCOMPLETE = "†"
TESTED = (
    "Bold: the highest mean, and what is not significantly below any other of the column at the "
    "level .05, by Student's paired "
    "test over choices of images with Holm's correction over all pairs of the column (against "
    "random, where it made at least three times as many choices, Welch's test with Bonferroni's "
    "correction)."
)


class _Column(NamedTuple):
    """What stands in bold at a number of labels: the leader, and who is behind nobody."""

    budget: int
    best: frozenset[str]


def prints(study: Study, tables: Tables) -> Mapping[str, PrintedTable]:
    """One table for every setting, query mode and measure, by the name of its file."""
    measured = tables["summary"][tables["summary"]["done"] > 0]
    measured = measured.assign(mode=query_modes(measured))
    parts = [
        (key, rows, measure)
        for measure in in_order(study.measure, study.measures)
        for key, rows in groups(measured, [*SETTING, "mode"])
        if rows[f"{measure}_mean"].notna().any()
    ]
    files = file_names([_place(key, measure) for key, _, measure in parts])
    return {
        file: _printed(f"tab:{file}", key, rows, study, tables["leaders"], measure)
        for file, (key, rows, measure) in zip(files, parts, strict=True)
    }


@section("paper", title="For a paper", heading="Tables for a paper", order=118, prints=prints)
def content(report: Report) -> Iterator[Block]:
    """Links to each table in LaTeX and in Markdown, and what to write about them."""
    printed = prints(report.study, report.tables)
    if printed:
        yield Text(
            "Means with their 95 % intervals; bold: not significantly below any other. "
            "The LaTeX needs \\usepackage{booktabs}; every figure is there as PDF."
        )
        yield PrintedFiles([(table.caption.split(":")[0], name) for name, table in printed.items()])
        summary = report.tables["summary"]
        sentences = methods(report.study, summary[summary["done"] > 0])
        words = Markup("<strong>For the methods section:</strong> {}")
        yield Text(words.format(one_line(sentences)))


def _place(key: Mapping[str, str], measure: str) -> str:
    mode = "-cycles" if key["mode"] == CYCLES else ""
    return f"paper-{'-'.join(key[name] for name in SETTING)}{mode}-{measure}"


def _printed(
    label: str,
    key: Mapping[str, str],
    rows: pd.DataFrame,
    study: Study,
    leaders: pd.DataFrame,
    measure: str,
) -> PrintedTable:
    columns = list(_columns(key, leaders, measure, sorted(rows["labelled"].unique())))
    selections = list(groups(rows, ["initial", "strategy"]))
    bounds = [part for part in selections if _is_bound(part[0], study)]
    ordered = [part for part in selections if not _is_bound(part[0], study)] + bounds
    cells = [
        _row(who, _name(who, key["mode"], study), part, columns, measure) for who, part in ordered
    ]
    return PrintedTable(
        caption=_caption(key, rows, [_name(who, key["mode"], study) for who, _ in bounds], measure),
        label=label,
        names=["strategy", "seeds"],
        over="labeled images",
        values=[f"{column.budget:,}" for column in columns],
        rows=cells,
        bounds=len(bounds) if len(bounds) < len(ordered) else 0,
    )


def _columns(
    key: Mapping[str, str], leaders: pd.DataFrame, measure: str, budgets: Sequence[int]
) -> Iterator[_Column]:
    rows = leaders[(leaders["measure"] == measure) & (query_modes(leaders) == key["mode"])]
    for name in SETTING:
        rows = rows[rows[name] == key[name]]
    for budget in budgets:
        best: set[str] = set()
        for row in rows[rows["labelled"] == budget].to_dict("records"):
            best |= set(row["unbeaten"])
        yield _Column(int(budget), frozenset(best))


def _row(
    who: Mapping[str, str], name: str, rows: pd.DataFrame, columns: Sequence[_Column], measure: str
) -> list[PrintedCell]:
    by_budget = {row["labelled"]: row for row in rows.to_dict("records")}
    number = spanned(int(row["done"]) for row in by_budget.values())
    values = (_value(by_budget.get(at.budget), at, who, name, measure) for at in columns)
    return [PrintedCell(name), PrintedCell(number), *values]


def _value(
    row: Mapping[Any, Any] | None, column: _Column, who: Mapping[str, str], name: str, measure: str
) -> PrintedCell:
    """Mean and interval; bold where who was asked for these images is among the best."""
    if row is None or math.isnan(row[f"{measure}_mean"]):
        return PrintedCell("")
    strategy = who["initial"] if row["round"] == 0 else name
    mark = STOPPED if is_stopped(row) else INCOMPLETE if row["done"] < row["planned"] else ""
    low, high = (bounded(row[f"{measure}_{end}"]) for end in ("low", "high"))
    interval = "" if math.isnan(low) else f"({low:.3f}, {high:.3f})"
    strong = strategy in column.best and mark != STOPPED
    return PrintedCell(f"{row[f'{measure}_mean']:.3f}{mark}", strong, interval)


def _caption(
    key: Mapping[str, str], rows: pd.DataFrame, bounds: Sequence[str], measure: str
) -> str:
    parts = [
        f"{capital(IN_WORDS[measure])} on {key['dataset']} ({key['encoder']}, "
        f"{key['learner']}), {_mode_in_words(key['mode'], rows)}: mean over seeds and its 95 % "
        "interval, by labeled images.",
        TESTED,
    ]
    parts += _without_interval(rows, measure)
    if (rows[f"{measure}_low"] < 0).any() or (rows[f"{measure}_high"] > 1).any():
        parts.append("Intervals are cut at 0 and 1, between which all values lie.")
    if bounds:
        reads = "reads" if len(bounds) == 1 else "read"
        parts.append(f"Below the rule: {', '.join(bounds)} {reads} true labels, as a bound.")
    stopped = rows.get(SPARED, 0 * rows["done"]) > 0
    if ((rows["done"] < rows["planned"]) & ~stopped).any():
        parts.append(f"{INCOMPLETE}: not all planned trials are done.")
    if stopped.any():
        parts.append(f"{STOPPED_IN_WORDS}.")
    return " ".join(parts)


def _without_interval(rows: pd.DataFrame, measure: str) -> list[str]:
    """Say why means have no interval, where some have none."""
    without = rows[rows[f"{measure}_mean"].notna() & rows[f"{measure}_low"].isna()]
    same = "the same images were chosen whatever the seed, which no test puts below another value"
    reasons = [("one seed alone", without["done"] == 1), (same, without["done"] > 1)]
    there = [words for words, those in reasons if those.any()]
    return [f"Without an interval: {', or '.join(there)}."] if there else []


def _name(who: Mapping[str, str], mode: str, study: Study) -> str:
    if mode == CYCLES:
        return study.selection(who["initial"], who["strategy"])
    return who["strategy"]


def _mode_in_words(mode: str, rows: pd.DataFrame) -> str:
    alone = mode == CYCLES and rows["initial"].nunique() == 1
    return f"{mode} that start with {rows['initial'].iloc[0]}" if alone else mode


def _is_bound(who: Mapping[str, str], study: Study) -> bool:
    return bool({who["initial"], who["strategy"]} & study.oracles)
