"""Strategies against random selection, seed by seed.

In a single query the strategy is what differs. In cycles two things may: the query strategy, with
the same initial one, or the initial strategy, with the same query one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics import intervals, learning_curves, paired_tests
from analysis.study.study import Study
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
    """Paired differences to random over shared seeds, by cell, with their tests.

    `n_own` and `n_random` count the trials of each in the cell, `n` the pairs, and `seeds` says
    where some have no partner. `comparisons` is the size of the family that Holm's correction is
    over: all strategies and budgets of one setting, one measure and one thing varied. `all_mean`
    to `p_welch` compare with every trial of random, paired or not.
    """
    view = as_labels(study.rounds)
    counts = ["random_mean", "n_own", "n_random", "seeds"]
    measures = [*counts, *intervals.Difference._fields, *paired_tests.PairedTest._fields]
    measures += intervals.Welch._fields
    rows = (
        {"varied": contest.varied, "metric": metric, **row}
        for contest in contests(view, study.baseline)
        for metric in COMPARED
        for row in _paired(contest, metric, ["round", "labelled"])
        if (contest.varied, row["round"]) != ("query strategy", 0)
    )
    found = table(rows, ["varied", "metric", *CELL, "own_mean", *measures])
    return _corrected(found, [*SETTING, "varied", "metric"])


def power(against: pd.DataFrame) -> pd.DataFrame:
    """What the seeds of each comparison can show, and how many would show what was seen.

    `detectable` is the smallest true difference that so many seeds show with a chance of .8;
    `seeds_for_seen` and `seeds_for_0.01` are how many it takes for the difference seen and for
    one point. All for Student's paired test at .05, without correction.
    """
    rows = (
        {
            **{key: row[key] for key in ["varied", "metric", *CELL, "n", "mean", "std"]},
            "detectable": paired_tests.detectable(row["n"], row["std"]),
            "seeds_for_seen": paired_tests.seeds_needed(row["mean"], row["std"]),
            "seeds_for_0.01": paired_tests.seeds_needed(0.01, row["std"]),
        }
        for row in against.to_dict("records")
    )
    measures = ["n", "mean", "std", "detectable", "seeds_for_seen", "seeds_for_0.01"]
    return table(rows, ["varied", "metric", *CELL, *measures])


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
    of_random = {tuple(k.values()): g["random"].to_numpy() for k, g in groups(theirs, keys[:-1])}
    pairs = contest.ours.merge(theirs, on=keys, how="left")
    group_keys = [*SETTING, "initial", "strategy", "rounds", *more]
    for key, group in groups(pairs, group_keys):
        own, random = (group[name].to_numpy(np.float64) for name in (metric, "random"))
        both = np.isfinite(own - random)
        n_own = int(np.isfinite(own).sum())
        everything = of_random.get(tuple(key[k] for k in keys[:-1]), np.empty(0))
        n_random = len(intervals.finite(everything))
        yield {
            **key,
            "own_mean": intervals.mean(own[both]),
            "random_mean": intervals.mean(random[both]),
            "n_own": n_own,
            "n_random": n_random,
            "seeds": _seeds_in_words(int(both.sum()), n_own, n_random),
            **intervals.paired_difference(own, random)._asdict(),
            **paired_tests.paired_test(own - random)._asdict(),
            **intervals.welch(own, everything)._asdict(),
        }


def _seeds_in_words(pairs: int, own: int, random: int) -> str:
    if pairs == own == random:
        return "the same"
    return f"{pairs} shared of {own} and random's {random}"


def _corrected(found: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    """Add Holm's correction of every test within its family, and the family's size."""
    members = found.groupby(family, sort=False)
    for test in ("student", "permutation", "wilcoxon", "welch"):
        found[f"holm_{test}"] = members[f"p_{test}"].transform(paired_tests.holm)
    return found.assign(comparisons=members["p_permutation"].transform("count"))


def _areas(view: pd.DataFrame) -> pd.DataFrame:
    """One row per curve with every budget: its area and its ends."""
    keys = [*SETTING, "initial", "strategy", "rounds"]
    rows = []
    for key, group in groups(view.dropna(subset=["auc"]), keys):
        budgets = np.unique(group["labelled"])
        for seed, curve in group.sort_values("labelled").groupby("seed"):
            if len(curve) == len(budgets) > 1:
                area = learning_curves.aubc(curve["labelled"], curve["auc"])
                ends = {"first": budgets[0], "last": budgets[-1]}
                rows.append({**key, "seed": seed, **ends, "aubc": area})
    return table(rows, [*keys, "seed", "first", "last", "aubc"])


def _area_row(group: pd.DataFrame, difference: dict[str, Any]) -> dict[str, Any]:
    return {
        "n": len(group),
        "aubc_mean": intervals.mean(group["aubc"]),
        "aubc_std": intervals.std(group["aubc"]),
        "difference": difference.get("mean", np.nan),
        "low": difference.get("low", np.nan),
        "high": difference.get("high", np.nan),
        "n_pairs": difference.get("n", 0),
    }
