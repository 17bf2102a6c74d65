"""A measure by who chose and how many images were labeled, as the page shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from analysis.page.table import (
    EMPTY,
    Column,
    PageCell,
    PageTable,
    Row,
    mean_std_cell,
    name_columns,
    page_table,
)
from analysis.statistics.intervals import are_equal
from analysis.study.grouping import CURVE, SETTING, groups, to_frame
from analysis.study.stopped import SPARED

LOWER_IS_BETTER = ("l1_score",)
STOPPED = "‡"
STOPPED_IN_WORDS = (
    f"{STOPPED}: stopped, for it lost to random selection; over fewer seeds, biased, and compared "
    "with nothing"
)
WORST = {"l1_score": 1}  # of the others 0


def means_by_budget(
    measure: str, title: str, digits: int, source: str = "summary.csv"
) -> Callable[[pd.DataFrame], PageTable]:
    """Return what shows a measure of the summary: mean ± std, a column per number of labels."""
    return partial(_means_by_budget, measure, title, digits, source)


def _means_by_budget(
    measure: str, title: str, digits: int, source: str, summary: pd.DataFrame
) -> PageTable:
    summary = summary[(summary["done"] > 0) & summary[f"{measure}_mean"].notna()]
    names = name_columns(summary, ["initial", "strategy"])
    budgets = sorted(summary["labelled"].unique())
    rows = [
        {**key, "cells": {row["labelled"]: row for row in part.to_dict("records")}}
        for key, part in groups(_with_best(summary, measure), CURVE)
    ]

    def cell(budget: int, row: Row) -> PageCell:
        there = row["cells"].get(budget)
        if there is None:
            return EMPTY
        mean, std = there[f"{measure}_mean"], there[f"{measure}_std"]
        cell = mean_std_cell(mean, std, digits, strong=bool(there["best"]))
        mark = STOPPED if is_stopped(there) else ""
        return cell._replace(text=cell.text + mark + _failed_in_words(there, measure, digits))

    stopped = f" ({STOPPED_IN_WORDS})" if any(map(is_stopped, summary.to_dict("records"))) else ""
    return page_table(
        f"{title}, mean ± sample standard deviation over trials, by labeled images; bold: the best "
        f"mean{stopped}",
        source,
        to_frame(rows, [*CURVE, "cells"]),
        names,
        [
            Column("trials", _trials),
            *(Column(f"{budget}", partial(cell, budget)) for budget in budgets),
        ],
    )


def is_stopped(row: Row) -> bool:
    """Whether the strategy of a row of the summary was stopped there."""
    return bool(row.get(SPARED, 0))


def _failed_in_words(row: Row, measure: str, digits: int) -> str:
    """Say how many trials failed, and what the mean would be had they the worst value there is."""
    failed, done = row.get("failed", 0), row["done"]
    if not failed:
        return ""
    worst = (row[f"{measure}_mean"] * done + WORST.get(measure, 0) * failed) / (done + failed)
    return f" ({failed:.0f} failed: {worst:.{digits}f} at the worst)"


def _with_best(summary: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mark the best mean of each setting and number of labels."""
    mean = f"{measure}_mean"
    values = summary[mean]
    if SPARED in summary:
        values = values.where(summary[SPARED] == 0)
    best = values.groupby([summary[key] for key in (*SETTING, "labelled")]).transform(
        "min" if measure in LOWER_IS_BETTER else "max"
    )
    return summary.assign(best=are_equal(values, best))


def _trials(row: Row) -> PageCell:
    done = [cell["done"] for cell in row["cells"].values()]
    few, many = min(done), max(done)
    return PageCell(f"{few}" if few == many else f"{few} to {many}", few)
