"""Area under each strategy's curve of AUC or an accuracy, and its difference to random's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.page.table import (
    MISSING,
    Column,
    PageTable,
    count,
    count_cell,
    interval,
    mean_std,
    name_columns,
    number,
    page_table,
)
from analysis.sections.versus_random.differences import WHO, paired_rows
from analysis.statistics import intervals, learning_curves
from analysis.study.comparisons import comparisons
from analysis.study.grouping import CURVE, SETTING, groups, to_frame
from analysis.study.measures import IN_WORDS, PRIMARY, table_of
from analysis.study.study import Study

MEASURES = ["n", "aubc_mean", "aubc_std", "difference", "low", "high", "n_pairs"]


def aubc(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """Area under the budget curve by strategy, with the paired difference to random.

    Over the seeds that have every budget of their strategy: one trial in cycles, one trial per
    budget in single queries. The difference is to random's area over just these budgets; none
    where random was not measured at one of them.
    """
    areas = _areas(study.compared_curves, measure)
    curves = areas[areas["is_whole"]]
    differences: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for comparison in comparisons(areas, study.baseline):
        whole_curves = comparison._replace(rows=comparison.rows[comparison.rows["is_whole"]])
        for row in paired_rows(whole_curves, "aubc", ["budgets"]):
            curve = differences.setdefault(tuple(row[k] for k in CURVE), {})
            curve[comparison.varied] = row
    rows = (
        {"varied": varied, **key, **_row(group, difference)}
        for key, group in groups(curves, [*CURVE, "first", "last"])
        for varied, difference in differences.get(tuple(key[k] for k in CURVE), {"": {}}).items()
    )
    return to_frame(rows, ["varied", *CURVE, "first", "last", *MEASURES])


def areas_table(measure: str, areas: pd.DataFrame) -> PageTable:
    """Areas under the curve of a measure."""
    return page_table(
        f"Area under the {IN_WORDS[measure]} curve over its range of budgets, mean ± standard "
        "deviation, and its difference to that of random over the same budgets",
        f"{table_of('aubc', measure)}.csv",
        areas,
        name_columns(areas, WHO),
        [
            count("curves", "n"),
            mean_std("area", "aubc_mean", "aubc_std", 3),
            number("against random", "difference", "+.3f"),
            interval("95 % interval", "low", "high", "+.3f"),
            Column(
                "pairs of choices",
                lambda row: count_cell(row["n_pairs"]) if row["n_pairs"] else MISSING,
            ),
        ],
    )


def _areas(view: pd.DataFrame, measure: str) -> pd.DataFrame:
    """One row per curve with every budget: its area and its ends.

    Beside it, `is_whole` being false, rows of its areas over fewer budgets where another curve of
    the setting has just these.
    """
    measured = view.dropna(subset=[measure])
    curves = [
        (key, part, tuple(np.unique(part["labelled"]))) for key, part in groups(measured, CURVE)
    ]
    of_setting: dict[tuple[Any, ...], dict[tuple[int, ...], None]] = {}
    for key, _, own in curves:
        of_setting.setdefault(_setting_of(key), {})[own] = None
    rows = [
        {**key, **row, "budgets": budgets, "is_whole": budgets == own}
        for key, part, own in curves
        for budgets in of_setting[_setting_of(key)]
        if set(budgets) <= set(own)
        for row in _areas_over(budgets, part[part["labelled"].isin(budgets)], measure)
    ]
    columns = ["seed", "first", "last", "aubc", "choice", "budgets", "is_whole"]
    return to_frame(rows, [*CURVE, *columns]).astype({"is_whole": bool})


def _setting_of(curve: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(curve[name] for name in (*SETTING, "rounds"))


def _areas_over(
    budgets: tuple[int, ...], part: pd.DataFrame, measure: str
) -> Iterator[dict[str, Any]]:
    """Yield the area of each seed that has all of these budgets."""
    ordered = part.sort_values(["seed", "labelled"])
    columns = ("seed", "labelled", measure, "choice")
    seeds, labeled, values, choices = (ordered[name].to_numpy() for name in columns)
    starts = np.flatnonzero(np.diff(seeds, prepend=seeds[0] - 1))
    for start, end in pairwise([*starts, len(seeds)]):
        if end - start == len(budgets) > 1:
            area = learning_curves.aubc(labeled[start:end], values[start:end])
            choice = "/".join(choices[start:end])
            ends = {"first": budgets[0], "last": budgets[-1]}
            yield {"seed": seeds[start], **ends, "aubc": area, "choice": choice}


def _row(group: pd.DataFrame, difference: dict[str, Any]) -> dict[str, Any]:
    return {
        "n": len(group),
        "aubc_mean": intervals.mean(group["aubc"]),
        "aubc_std": intervals.std(group["aubc"]),
        "difference": difference.get("mean", np.nan),
        "low": difference.get("low", np.nan),
        "high": difference.get("high", np.nan),
        "n_pairs": difference.get("n", 0),
    }
