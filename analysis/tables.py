"""Tables of a run's results: every row is computed from records, every number of the page is here.

A *setting* is one dataset, encoder and learner; a *cell* adds who chose the images and how many
were labelled. In these tables names are labels: "hacon k=20" where k varies in the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import bootstrap, intervals
from analysis.statistics import correlation as correlations
from analysis.study.study import Study
from rayal.storage.formats import LISTS, METRICS
from rayal.sweep.names import KINDS

SETTING = ["dataset", "encoder", "learner"]
CELL = [*SETTING, "initial", "strategy", "rounds", "round", "labelled"]
SINGLE, CYCLES = "single query", "cycles"
ACCOUNT = ["planned", "done", "failed", "missing"]
RANK_COLUMNS = ("r", "p", "low", "high")


def as_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Let `dataset`, `strategy` and so on hold labels in place of plain names."""
    plain = frame.drop(columns=list(KINDS))
    return plain.rename(columns={f"{kind}_label": kind for kind in KINDS})


def groups(
    frame: pd.DataFrame, keys: Sequence[str]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Groups in order of first appearance, each with its keys as a dict."""
    for values, group in frame.groupby(list(keys), sort=False, dropna=False):
        yield dict(zip(keys, values, strict=True)), group


def shapes(frame: pd.DataFrame) -> pd.Series[str]:
    """Say of every row whether it is of a single query or of cycles."""
    return (frame["rounds"] > 1).map({False: SINGLE, True: CYCLES})


def table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows as a frame that has its columns even when it is empty."""
    return pd.DataFrame(list(rows), columns=list(columns))


def summary_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean and std of every measure by cell, from what `analysis.load` returns.

    Columns: dataset, encoder, learner, initial, strategy, rounds, round, labelled, n (trials with
    an AUC), done (trials), auc_mean, auc_std, auc_low, auc_high, and mean and std of every other
    measure.
    """
    view = as_labels(frame)
    measures = [f"{m}_{s}" for m in METRICS for s in ("mean", "std")]
    columns = [*CELL, "n", "done", *measures[:2], "auc_low", "auc_high", *measures[2:]]
    return table((_cell(keys, group) for keys, group in groups(view, CELL)), columns)


def summary(study: Study) -> pd.DataFrame:
    """Every planned cell, measured or not, with its trials accounted for."""
    measured = summary_rows(study.rounds).drop(columns="done")
    cells = _planned_cells(study.trials).merge(measured, on=CELL, how="left")
    return cells.fillna({"n": 0}).astype({"n": "int64"})


def coverage(summary: pd.DataFrame) -> pd.DataFrame:
    """Share of classes with a label, entropy of the chosen classes and L1 score by cell."""
    measures = ["coverage", "class_entropy", "l1_score"]
    return summary[[*CELL, "done", *(f"{m}_{s}" for m in measures for s in ("mean", "std"))]]


def cycles(summary: pd.DataFrame) -> pd.DataFrame:
    """Initial x query strategy x labelled images: the cells of trials with several rounds."""
    columns = [*CELL, "n", "auc_mean", "auc_std", "auc_low", "auc_high", "coverage_mean"]
    return summary.loc[summary["rounds"] > 1, columns]


def class_distribution(study: Study) -> pd.DataFrame:
    """How many of the labelled images are of each class, beside the pool's own shares.

    Averaged over seeds and learners. The first query of a cycle depends on the initial strategy
    alone, so it is counted once per seed, not once per query strategy.
    """
    view = as_labels(study.rounds).assign(dataset_name=study.rounds["dataset"])
    view = view[view["class_counts"].notna()]
    first = view["round"] == 0
    later = view["initial"] + ", then " + view["strategy"]
    view["selection"] = view["initial"].where(first, later)
    keys = ["dataset", "dataset_name", "encoder", "selection", "rounds", "round", "labelled"]
    view = pd.concat([view[first].drop_duplicates([*keys, "seed"]), view[~first]])
    rows = (row for k, group in groups(view, keys) for row in _classes(study, k, group))
    measures = ["trials", "class_index", "class", "images", "share", "pool_images", "pool_share"]
    return table(rows, [key for key in keys if key != "dataset_name"] + measures)


def first_last(study: Study) -> pd.DataFrame:
    """AUC after the first and the last query of every trial with several rounds."""
    view = as_labels(study.rounds)
    view = view[view["rounds"] > 1]
    ends = [view[view["round"] == 0], view[view["round"] == view["rounds"] - 1]]
    keys = ["trial", *SETTING, "initial", "strategy", "seed"]
    first, last = (end[[*keys, "labelled", "auc"]] for end in ends)
    return first.merge(last, on=keys, suffixes=("_first", "_last"))


def correlation(first_last: pd.DataFrame) -> pd.DataFrame:
    """Pearson's r of first with last AUC by query strategy (HaCon, Fig. 6), and Spearman's."""
    keys = [*SETTING, "strategy", "labelled_first", "labelled_last"]
    rows = (
        {
            **k,
            **correlations.pearson(group["auc_first"], group["auc_last"])._asdict(),
            **_named("rank_", correlations.spearman(group["auc_first"], group["auc_last"])),
        }
        for k, group in groups(first_last, keys)
    )
    by_rank = [f"rank_{name}" for name in RANK_COLUMNS]
    return table(rows, [*keys, *correlations.Correlation._fields, *by_rank])


def failures(study: Study) -> pd.DataFrame:
    """Failed trials, what they were, their error and their log under the run's directory."""
    trials = as_labels(study.trials).set_index("trial")
    rows = []
    for failure in study.run.failures:
        trial = trials.loc[failure["trial"]]
        if trial["status"] == "failed":
            log = f"failures/{failure['trial']}.log"
            rows.append({"trial": failure["trial"], **trial, "error": failure["error"], "log": log})
    return table(rows, ["trial", *KINDS, "schedule", "seed", "error", "log"])


def records(study: Study) -> pd.DataFrame:
    """All that was recorded, but for the lists: a row per trial and round."""
    return study.rounds.drop(columns=list(LISTS))


def versions(study: Study) -> pd.DataFrame:
    """What the finished trials were made with: trials by package and version."""
    trials = study.rounds.drop_duplicates("trial")
    rows = (
        {"package": column.removeprefix("version."), "version": version, "trials": int(count)}
        for column in map(str, trials)
        if column.startswith("version.")
        for version, count in trials[column].fillna("not recorded").value_counts().items()
    )
    return table(rows, ["package", "version", "trials", "mixed"]).assign(
        mixed=lambda found: found.groupby("package")["version"].transform("size") > 1
    )


def progress(study: Study) -> pd.DataFrame:
    """Account for the trials: one row."""
    return pd.DataFrame([vars(study.progress)])


def _named(prefix: str, found: correlations.Correlation) -> dict[str, float]:
    values = found._asdict()
    return {prefix + name: values[name] for name in RANK_COLUMNS}


def _cell(keys: dict[str, Any], group: pd.DataFrame) -> dict[str, Any]:
    row = {**keys, "n": int(group["auc"].notna().sum()), "done": len(group)}
    for measure in METRICS:
        values = group[measure].to_numpy()
        row |= {f"{measure}_mean": intervals.mean(values), f"{measure}_std": intervals.std(values)}
    row["auc_low"], row["auc_high"] = bootstrap.mean_interval(group["auc"].to_numpy())
    return row


def _planned_cells(trials: pd.DataFrame) -> pd.DataFrame:
    view = as_labels(trials).rename(columns={"schedule": "labelled"})
    view["round"] = [range(len(schedule)) for schedule in view["labelled"]]
    for status in ("done", "failed", "missing"):
        view[status] = (view["status"] == status).astype("int64")
    cells = view.assign(planned=1).explode(["labelled", "round"])
    cells = cells.astype({"labelled": "int64", "round": "int64", "rounds": "int64"})
    return cells.groupby(CELL, sort=False, as_index=False)[ACCOUNT].sum()


def _classes(study: Study, keys: dict[str, Any], group: pd.DataFrame) -> Iterator[dict[str, Any]]:
    counts = np.array(group["class_counts"].to_list(), dtype=np.float64).mean(axis=0)  # (C,)
    about: Mapping[str, Any] = study.run.plan["datasets"].get(keys.pop("dataset_name"), {})
    names = about.get("classes") or [str(c) for c in range(len(counts))]
    pool = np.array(about.get("class_counts") or [np.nan] * len(counts), dtype=np.float64)
    shares, pool_shares = counts / counts.sum(), pool / pool.sum()
    for c, name in enumerate(names):
        images = {"images": counts[c], "share": shares[c]}
        truth = {"pool_images": pool[c], "pool_share": pool_shares[c]}
        yield {**keys, "trials": len(group), "class_index": c, "class": name, **images, **truth}
