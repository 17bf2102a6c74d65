"""Tables as the page shows them, by section."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from analysis.comparison_views import against, against_all, areas, power, saved, tests
from analysis.page.table import (
    Cell,
    Row,
    View,
    by_shape,
    interval,
    name_cells,
    naming,
    number,
    pair,
    probability,
    view_of,
    whole,
    words,
)  # fmt: skip
from analysis.paper_views import papers
from analysis.standing_views import overall, ranks, wins
from analysis.tables import SETTING, groups
from analysis.training_views import over_trainings
from analysis.trainings import MEASURED

Tables = Mapping[str, pd.DataFrame]


def views(tables: Tables) -> dict[str, list[View]]:
    """Return the tables of every section of the page; sections without a row have none."""
    summary, compared = tables["summary"], tables["against_random"]
    many_of_random = compared[compared["n_random"] > compared["n_own"]]
    shown = {
        "auc": by_shape(summary, partial(_pivot, "auc", "AUC", 3)),
        "accuracy": by_shape(summary, partial(_pivot, "accuracy", "Accuracy", 3)),
        "coverage": by_shape(tables["coverage"], partial(_pivot, "coverage", "Class coverage", 2)),
        "balance": by_shape(tables["coverage"], partial(_pivot, "l1_score", "L1 score", 2)),
        "against": [
            *by_shape(many_of_random, against_all),
            *by_shape(compared, against),
        ],
        "tests": by_shape(compared, tests),
        "saved": by_shape(tables["annotation_saved"], saved),
        "aubc": by_shape(tables["aubc"], areas),
        "power": by_shape(tables["power"], power),
        "trainings": [
            view
            for measure in MEASURED
            for view in by_shape(tables["over_trainings"], partial(over_trainings, measure))
        ],
        "overall": overall(tables["overall"]),
        "ranks": ranks(tables["ranks"]),
        "wins": wins(tables["win_tie_loss"]),
        "papers": papers(tables),
        "correlation": [_correlation(tables["correlation"])],
        "failures": [_failures(tables["failures"])],
        "versions": [_versions(tables["versions"])],
    }
    return {section: [view for view in part if view.rows] for section, part in shown.items()}


def _pivot(measure: str, title: str, digits: int, summary: pd.DataFrame) -> View:
    """A row per way to choose, a column per number of labelled images: mean ± std."""
    summary = summary[(summary["done"] > 0) & summary[f"{measure}_mean"].notna()]
    names = naming(summary, ["initial", "strategy"])
    budgets = sorted(summary["labelled"].unique())
    means = summary.groupby([*SETTING, "labelled"])[f"{measure}_mean"]
    best = means.transform("min") if measure == "l1_score" else means.transform("max")
    summary = summary.assign(best=summary[f"{measure}_mean"] == best)
    rows = []
    for key, cells in groups(summary, [*SETTING, "initial", "strategy", "rounds"]):
        found = {row["labelled"]: row for row in cells.to_dict("records")}
        values = [_mean_std(found.get(budget), measure, digits) for budget in budgets]
        done = [row["done"] for row in found.values()]
        trials = f"{min(done)}" if min(done) == max(done) else f"{min(done)} to {max(done)}"
        rows.append([*name_cells(key, names), Cell(trials, min(done)), *values])
    caption = f"{title}, mean ± sample standard deviation over trials, by labelled images"
    header = [*names, "trials", *(f"{budget}" for budget in budgets)]
    source = "coverage.csv" if measure in ("coverage", "l1_score") else "summary.csv"
    return view_of(caption, source, header, rows, names)


def _mean_std(row: Row | None, measure: str, digits: int) -> Cell:
    if row is None:
        return Cell("", None)
    strong = bool(row["best"])
    return pair(row[f"{measure}_mean"], row[f"{measure}_std"], digits, strong=strong)


def _correlation(correlation: pd.DataFrame) -> View:
    names = naming(correlation, ["strategy"])
    rows = [
        [
            *name_cells(row, names), whole(row["labelled_first"]), whole(row["labelled_last"]),
            whole(row["n"]), number(row["r"], ".2f"), interval(row["low"], row["high"], ".2f"),
            probability(row["p"]), number(row["rank_r"], ".2f"), words(row["reason"]),
        ]
        for row in correlation.to_dict("records")
    ]  # fmt: skip
    header = [*names, "first", "last", "trials", "Pearson's r", "95 % interval", "p",
              "Spearman's r", "why none"]  # fmt: skip
    if not any(row["reason"] for row in correlation.to_dict("records")):
        header, rows = header[:-1], [row[:-1] for row in rows]
    caption = "Correlation of the AUC after the first query with that after the last"
    return view_of(caption, "correlation.csv", header, rows, names)


def _failures(failures: pd.DataFrame) -> View:
    names = naming(failures, ["initial", "strategy"])
    rows = [
        [
            *name_cells(row, names),
            Cell(", ".join(map(str, row["schedule"])), row["schedule"][0]),
            whole(row["seed"]), words(row["error"]), words(row["log"]),
        ]
        for row in failures.to_dict("records")
    ]  # fmt: skip
    header = [*names, "labelled", "seed", "error", "log, in the run's directory"]
    return view_of("Trials that failed", "failures.csv", header, rows, names)


def _versions(versions: pd.DataFrame) -> View:
    rows = [
        [words(row["package"]), words(row["version"]), whole(row["trials"]),
         Cell("yes" if row["mixed"] else "no", "yes" if row["mixed"] else "no", row["mixed"])]
        for row in versions.to_dict("records")
    ]  # fmt: skip
    header = ["package", "version", "trials", "several versions"]
    return view_of("What the finished trials were made with", "versions.csv", header, rows, [""])
