"""Means and standard deviations over the trials of every group, with the trials accounted for."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.statistics import bootstrap, intervals
from analysis.study.choices import choices_of
from analysis.study.grouping import GROUP_KEYS, as_labels, groups, to_frame
from analysis.study.measures import OF_SEVERAL, TEST_MEASURES
from analysis.study.stopped import SPARED
from analysis.study.study import Study
from rayal.storage.round_keys import METRICS

ACCOUNT = ["planned", "done", "failed", "missing"]


def summary_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean and std of every measure by group, from what `analysis.load` returns.

    Columns: dataset, encoder, learner, initial, strategy, rounds, round, labelled, n (trials with
    an AUC), done (trials), auc_mean, auc_std, auc_low, auc_high, mean and std of every other
    measure, and the intervals of the other test measures; where an image may have several classes,
    these four of its own measures. Intervals are over distinct choices: of
    one choice there is none.
    """
    return _rows(as_labels(frame).assign(choice=choices_of(frame)))


def summary(study: Study) -> pd.DataFrame:
    """Every planned group, measured or not, with its trials accounted for.

    Strategies that chose the same images are one group. Where strategies were stopped, `spared`
    counts their trials that are not to be run; what is left of them is biased.
    """
    return _accounted(study.distinct_trials, study.distinct_rounds)


def summary_by_strategy(study: Study) -> pd.DataFrame:
    """Return the summary with a group for each strategy, whatever another one chose."""
    return _accounted(as_labels(study.trials), study.labeled_rounds)


def _accounted(trials: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    measured = _rows(rounds).drop(columns="done")
    planned = _planned_groups(trials).merge(measured, on=GROUP_KEYS, how="left")
    return planned.fillna({"n": 0}).astype({"n": "int64"})


def _rows(view: pd.DataFrame) -> pd.DataFrame:
    measures = [f"{m}_{s}" for m in METRICS for s in ("mean", "std")]
    intervals_of = [f"{m}_{s}" for m in TEST_MEASURES for s in ("low", "high")]
    columns = [*GROUP_KEYS, "n", "done", *measures[:2], *intervals_of[:2], *measures[2:]]
    columns += intervals_of[2:]
    columns += [f"{m}_{s}" for m in _of_several(view) for s in ("mean", "std", "low", "high")]
    return to_frame((_row(keys, group) for keys, group in groups(view, GROUP_KEYS)), columns)


def _row(keys: dict[str, Any], group: pd.DataFrame) -> dict[str, Any]:
    row = {**keys, "n": int(group["auc"].notna().sum()), "done": len(group)}
    several = _of_several(group)
    for measure in (*METRICS, *several):
        values = group[measure].to_numpy()
        row[f"{measure}_mean"] = intervals.mean(values)
        row[f"{measure}_std"] = intervals.std(values)
    for measure in (*TEST_MEASURES, *several):
        ends = bootstrap.interval_by_choice(group[measure], group["choice"])
        row[f"{measure}_low"], row[f"{measure}_high"] = ends
    return row


def _of_several(view: pd.DataFrame) -> list[str]:
    """Return the measures of several classes an image that rounds have."""
    return [measure for measure in OF_SEVERAL if measure in view]


def _planned_groups(trials: pd.DataFrame) -> pd.DataFrame:
    view = trials.rename(columns={"schedule": "labelled"})
    view["round"] = [range(len(schedule)) for schedule in view["labelled"]]
    # A column of what was spared is there where something was.
    account = [*ACCOUNT, SPARED] if (view["status"] == SPARED).any() else ACCOUNT
    for status in account[1:]:
        view[status] = (view["status"] == status).astype("int64")
    cells = view.assign(planned=1).explode(["labelled", "round"])
    cells = cells.astype({"labelled": "int64", "round": "int64", "rounds": "int64"})
    return cells.groupby(GROUP_KEYS, sort=False, as_index=False)[account].sum()
