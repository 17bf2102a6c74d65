"""Strategies against random selection, seed by seed.

In a single query the strategy is what differs. In cycles two things may: the query strategy, with
the same initial one, or the initial strategy, with the same query one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import stats
from analysis.frame import Study
from analysis.tables import CELL, SETTING, as_labels, groups, table

COMPARED = ("auc", "coverage")


class Contest(NamedTuple):
    """Rows of ours and of random's that differ in one thing and are paired on the keys."""

    varied: str
    ours: pd.DataFrame
    random: pd.DataFrame
    keys: list[str]


def contests(frame: pd.DataFrame, baseline: str) -> Iterator[Contest]:
    """Split rows into ours and random's, once for each thing that may differ.

    Nothing where the run has no random selection (baseline "").
    """
    if not baseline:
        return
    single, cycles = frame[frame["rounds"] == 1], frame[frame["rounds"] > 1]
    shared = [*SETTING, "rounds"]
    for varied, rows, who, keys in (
        ("strategy", single, "strategy", shared),
        ("query strategy", cycles, "strategy", [*shared, "initial"]),
        ("initial strategy", cycles, "initial", [*shared, "strategy"]),
    ):
        is_random = rows[who] == baseline
        yield Contest(varied, rows[~is_random], rows[is_random], keys)


def against_random(study: Study) -> pd.DataFrame:
    """Paired differences to random over shared seeds, by cell.

    `n_random` counts random's trials in the cell, `n` the pairs.
    """
    view = as_labels(study.rounds)
    measures = ["random_mean", "n_random", *stats.Difference._fields]
    rows = (
        {"varied": contest.varied, "metric": metric, **row}
        for contest in contests(view, study.baseline)
        for metric in COMPARED
        for row in _paired(contest, metric, ["round", "labelled"])
        if (contest.varied, row["round"]) != ("query strategy", 0)
    )
    return table(rows, ["varied", "metric", *CELL, "own_mean", *measures])


def annotation_saved(summary: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Labels saved at the mean AUC that random has with each budget.

    `at_least`: the strategy is there already with the smallest budget tried, so it may need fewer.
    """
    measures = ["random_auc", "images_needed", "saved", "at_least"]
    columns = ["varied", *SETTING, "initial", "strategy", "rounds", "labelled", *measures]
    rows = (
        {"varied": contest.varied, **row}
        for contest in contests(summary, baseline)
        for row in _savings(contest)
    )
    return table(rows, columns)


def aubc(study: Study) -> pd.DataFrame:
    """Area under the budget curve by strategy, with the paired difference to random.

    Over the seeds that have every budget of their strategy: one trial in cycles, one trial per
    budget in single queries.
    """
    curves = _areas(as_labels(study.rounds))
    keys = [*SETTING, "initial", "strategy", "rounds"]
    difference = {
        (contest.varied, *(row[k] for k in keys)): row
        for contest in contests(curves, study.baseline)
        for row in _paired(contest, "aubc", [])
    }
    rows = []
    for key, group in groups(curves, [*keys, "first", "last"]):
        place = tuple(key[k] for k in keys)
        found = {varied: row for (varied, *where), row in difference.items() if (*where,) == place}
        for varied, row in (found or {"": {}}).items():
            rows.append({"varied": varied, **key, **_area_row(group, row)})
    measures = ["n", "aubc_mean", "aubc_std", "difference", "low", "high", "n_pairs"]
    return table(rows, ["varied", *keys, "first", "last", *measures])


def _paired(contest: Contest, metric: str, more: list[str]) -> Iterator[dict[str, Any]]:
    keys = [*contest.keys, *more, "seed"]
    theirs = contest.random[[*keys, metric]].rename(columns={metric: "random"})
    counted = theirs.groupby(keys[:-1])["random"].count()
    pairs = contest.ours.merge(theirs, on=keys, how="left")
    group_keys = [*SETTING, "initial", "strategy", "rounds", *more]
    for key, group in groups(pairs, group_keys):
        both = group.dropna(subset=[metric, "random"])
        place = tuple(key[k] for k in keys[:-1])
        yield {
            **key,
            "own_mean": stats.mean(both[metric]),
            "random_mean": stats.mean(both["random"]),
            "n_random": int(counted.get(place, 0)),
            **stats.paired_difference(both[metric], both["random"])._asdict(),
        }


def _savings(contest: Contest) -> Iterator[dict[str, Any]]:
    keys = [*contest.keys, "labelled"]
    theirs = contest.random[[*keys, "auc_mean"]].rename(columns={"auc_mean": "random_auc"})
    curves = contest.ours.merge(theirs, on=keys).dropna(subset=["auc_mean", "random_auc"])
    for key, curve in groups(curves, [*SETTING, "initial", "strategy", "rounds"]):
        curve = curve.sort_values("labelled")
        budgets = curve["labelled"].to_numpy()
        needed, saved = stats.annotation_saved(budgets, curve["auc_mean"], curve["random_auc"])
        start = 1 if contest.varied == "query strategy" else 0
        for k in range(start, len(budgets)):
            yield {
                **key,
                "labelled": budgets[k],
                "random_auc": curve["random_auc"].iloc[k],
                "images_needed": needed[k],
                "saved": saved[k],
                "at_least": bool(curve["auc_mean"].iloc[0] > curve["random_auc"].iloc[k]),
            }


def _areas(view: pd.DataFrame) -> pd.DataFrame:
    """One row per curve with every budget: its area and its ends."""
    keys = [*SETTING, "initial", "strategy", "rounds"]
    rows = []
    for key, group in groups(view.dropna(subset=["auc"]), keys):
        budgets = np.unique(group["labelled"])
        for seed, curve in group.sort_values("labelled").groupby("seed"):
            if len(curve) == len(budgets) > 1:
                area = stats.aubc(curve["labelled"], curve["auc"])
                ends = {"first": budgets[0], "last": budgets[-1]}
                rows.append({**key, "seed": seed, **ends, "aubc": area})
    return table(rows, [*keys, "seed", "first", "last", "aubc"])


def _area_row(group: pd.DataFrame, difference: dict[str, Any]) -> dict[str, Any]:
    return {
        "n": len(group),
        "aubc_mean": stats.mean(group["aubc"]),
        "aubc_std": stats.std(group["aubc"]),
        "difference": difference.get("mean", np.nan),
        "low": difference.get("low", np.nan),
        "high": difference.get("high", np.nan),
        "n_pairs": difference.get("n", 0),
    }
