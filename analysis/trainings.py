"""Ways to choose over several trainings of one encoder, the unit of what training adds by chance.

Trials on one training share its features and its dataset map: twenty seeds of them show how a
strategy does on these features, not on another training's. Here the trials of a training are
averaged first, and intervals and tests are over trainings (`encoders: [{name: moco, seed: [0, 1,
2]}]`). What the training determines of a selection, such as hacon's, varies here alone.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from analysis.ablations import TRAINING
from analysis.comparisons import contests
from analysis.statistics import intervals, paired_tests
from analysis.study.study import Study
from analysis.tables import CELL, as_labels, groups, table
from rayal.storage.formats import METRICS

MEASURED = ("auc", "coverage")
CASE = ["varied", *CELL]


def over_trainings(study: Study) -> pd.DataFrame:
    """Mean over trainings of AUC and class coverage by cell, and the difference to random.

    The difference is paired: a training's mean minus that of random on the same training. `n`
    counts trainings, `trials` all their trials; `above` counts the trainings on which it is
    positive. No rows where every encoder was trained once.
    """
    cells = _by_training(study)
    means = [_means(key, group) for key, group in groups(cells, CELL)]
    found = pd.DataFrame(means, columns=[*CELL, "n", "trials", *_measures()])
    against = pd.DataFrame(_against(cells, study.baseline), columns=[*CASE, *_differences()])
    return found[found["n"] > 1].merge(against, on=CELL, how="left")


def _by_training(study: Study) -> pd.DataFrame:
    """One row per cell and training: means over its trials; `seed` is the training's."""
    rounds = study.rounds
    if TRAINING not in rounds:
        return table([], [*CELL, "seed", "trials", *METRICS])
    view = as_labels(rounds.drop(columns="seed")).rename(columns={TRAINING: "seed"})
    view["encoder"] = view["encoder"].map(without_seed)
    view = view[view["seed"].notna()]
    by = view.groupby([*CELL, "seed"], sort=False)
    return by[list(METRICS)].mean().join(by.size().rename("trials")).reset_index()


def without_seed(encoder: str) -> str:
    """Return an encoder's label without the number of its training."""
    return re.sub(r" seed=\d+(?= |$)", "", encoder)


def _measures() -> list[str]:
    return [f"{m}_{part}" for m in MEASURED for part in ("mean", "std", "low", "high")]


def _differences() -> list[str]:
    parts = ("difference", "low_difference", "high_difference", "above", "pairs", "p")
    return [f"{m}_{part}" for m in MEASURED for part in parts]


def _means(key: dict[str, Any], group: pd.DataFrame) -> dict[str, Any]:
    row = {**key, "n": len(group), "trials": int(group["trials"].sum())}
    for measure in MEASURED:
        values = group[measure].to_numpy(np.float64)
        low, high = intervals.student_interval(intervals.finite(values))
        row |= {f"{measure}_mean": intervals.mean(values), f"{measure}_std": intervals.std(values)}
        row |= {f"{measure}_low": low, f"{measure}_high": high}
    return row


def _against(cells: pd.DataFrame, baseline: str) -> list[dict[str, Any]]:
    rows = []
    for contest in contests(cells, baseline):
        keys = [*contest.keys, "round", "labelled", "seed"]
        random = contest.random[[*keys, *MEASURED]]
        both = contest.ours.merge(random, on=keys, suffixes=("", "_random"))
        for key, group in groups(both, CELL):
            if (contest.varied, key["round"]) != ("query strategy", 0):
                rows.append({"varied": contest.varied, **key, **_difference(group)})
    return rows


def _difference(group: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for measure in MEASURED:
        own, random = (group[name].to_numpy(np.float64) for name in (measure, f"{measure}_random"))
        found = intervals.paired_difference(own, random)
        values = (found.mean, found.low, found.high, int((own > random).sum()), found.n)
        p = paired_tests.paired_test(own - random).p_student
        row |= dict(zip(_of(measure), (*values, p), strict=True))
    return row


def _of(measure: str) -> list[str]:
    return [name for name in _differences() if name.startswith(f"{measure}_")]
