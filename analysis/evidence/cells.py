"""Every cell of the evidence: how much more than random a strategy brings, and how sure that is.

A cell is a dataset, an encoder, a learner, a number of labels and a strategy. First queries are
compared with every random draw by Welch's test; later queries with random ones after the same first
query, seed by seed, by Student's. Trials in which the same images were chosen count once. Holm's
correction is over all cells of one measure.

A table outlives its runs, and other runs are added to it: beside its names, a row says what stands
behind them, so that other images, encoders or learners of the same names are not taken for these.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import intervals, paired_tests
from analysis.statistics.choices import by_choice, paired_by_choice
from analysis.study.grouping import groups
from analysis.study.study import Study

MEASURES = ("auc", "mean_class_accuracy")
FIRST, LATER = "first", "later"
DIGITS = 2  # of a gain; gains that are equal so far are called equal
LEVEL = 0.01  # of p after Holm's correction, below which a cell counts as won or lost
KEYS = ["dataset", "encoder", "learner", "initial", "labelled"]
CELL = ["query", *KEYS]
ROW = [*CELL, "strategy", "measure"]  # what makes a row of the table one of its own
COLUMNS = (
    "query", *KEYS, "per_class", "strategy", "oracle", "measure", "trials", "choices",
    "random_trials", "random", "gain", "low", "high", "p", "higher_seeds", "lower_seeds",
    "select_seconds", "holm", "verdict", "pool", "setting",
)  # fmt: skip


def cells(study: Study) -> pd.DataFrame:
    """Return a row for each cell and measure.

    gain, low, high: difference to random's mean in points (hundredths), with its 95 % interval;
    p, holm: of no difference, NaN where there is one choice alone. higher_seeds, lower_seeds: of
    the seeds shared with random, those with a higher and with a lower value. verdict: won, lost or
    "" by Holm's p below LEVEL. per_class: labels a class of the dataset. pool: images to choose
    from. setting: a hash of the images, the encoder and the learner with all their parameters;
    of later queries also how many images each query labeled.

    Raises:
        ValueError: images of a dataset have several classes, which has another measure.
    """
    _check_one_class(study)
    rows = [
        {"query": query, **key, **row, "setting": _setting(study, query, group)}
        for query in (FIRST, LATER)
        for key, group in groups(rounds_of(study, study.compared_rounds, query), KEYS)
        for row in _compared(study, query, group)
        if math.isfinite(row["gain"])  # no seed of a later query may be random's too
    ]
    frame = pd.DataFrame(
        rows, columns=[name for name in COLUMNS if name not in ("holm", "verdict")]
    )
    names = frame["dataset"].map(class_counts(study)).astype("float64")
    frame["per_class"] = frame["labelled"].astype("float64") / names
    frame["pool"] = frame["dataset"].map(pool_sizes(study))
    return with_verdicts(frame)[list(COLUMNS)]


def _setting(study: Study, query: str, group: pd.DataFrame) -> str:
    """Return a hash of what stands behind the names of a group, and the steps of later queries."""
    planned = study.run.plan["trials"][str(group["trial"].iloc[0])]
    learner = {name: planned["learner"].get(name) for name in ("name", "params", "source", "files")}
    text = json.dumps([planned["artefact"], learner], sort_keys=True)
    hashed = hashlib.sha256(text.encode()).hexdigest()[:12]
    if query == FIRST:
        return hashed
    schedule = planned["schedule"][: int(group["round"].iloc[0]) + 1]
    return f"{hashed} {'+'.join(map(str, np.diff(schedule, prepend=0)))}"


def _check_one_class(study: Study) -> None:
    several = [n for n, about in study.run.plan["datasets"].items() if about.get("multilabel")]
    if several:
        raise ValueError(
            f"images of {', '.join(several)} have several classes each, and the evidence is by "
            f"{' and '.join(MEASURES)}, the second of which is of one class an image: leave these "
            "runs out; rayal report compares their strategies"
        )


def class_counts(study: Study) -> dict[str, int]:
    """Return the number of classes of each dataset."""
    return {name: len(about["classes"]) for name, about in study.run.plan["datasets"].items()}


def rounds_of(study: Study, rounds: pd.DataFrame, query: str) -> pd.DataFrame:
    """Return the rounds of first or of later queries, those with the whole pool labeled left out.

    Single queries are first ones, and what is called initial there is the strategy itself.
    """
    rounds = rounds[rounds["labelled"] < _sizes(study, rounds)]  # full labels are no choice
    if query == FIRST:
        return rounds[rounds["rounds"] == 1].assign(initial="")
    return rounds[(rounds["rounds"] > 1) & (rounds["round"] > 0)]


def full_labels(study: Study) -> pd.DataFrame:
    """Return the means with the whole pool labeled, by dataset, encoder and learner."""
    rounds = study.distinct_rounds
    full = rounds[rounds["labelled"] >= _sizes(study, rounds)]
    return full.groupby(["dataset", "encoder", "learner"], sort=False)[list(MEASURES)].mean()


def pool_sizes(study: Study) -> dict[str, int]:
    """Return the number of images to choose from, by dataset."""
    return {name: about["train"] for name, about in study.run.plan["datasets"].items()}


def _sizes(study: Study, rounds: pd.DataFrame) -> pd.Series:
    return rounds["dataset"].map(pool_sizes(study)).fillna(np.inf)


def _compared(study: Study, query: str, group: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a row for each strategy of a group and measure; none where random is missing."""
    random = group[group["strategy"] == study.baseline]
    if random.empty:
        return
    for strategy, own in group.groupby("strategy", sort=False):
        if strategy == study.baseline:
            continue
        for measure in MEASURES:
            yield {
                "strategy": strategy,
                "oracle": strategy in study.oracles,
                "measure": measure,
                "trials": len(own),
                "random_trials": len(random),
                "select_seconds": intervals.mean(own["select_seconds"]),
                **_gain(
                    query, own.assign(value=own[measure]), random.assign(value=random[measure])
                ),
            }


def _gain(query: str, own: pd.DataFrame, random: pd.DataFrame) -> dict[str, Any]:
    pairs = own.merge(random, on="seed", suffixes=("", "_random"))
    differences = (pairs["value"] - pairs["value_random"]).to_numpy(np.float64)
    row = {
        "choices": own["choice"].nunique(),
        "random": intervals.mean(random["value"]),
        "higher_seeds": int((differences > 0).sum()),
        "lower_seeds": int((differences < 0).sum()),
    }
    if query == LATER:
        tested = paired_by_choice(differences, pairs["choice"], pairs["choice_random"])
        difference = intervals.paired_difference(tested, np.zeros(len(tested)))
        p = paired_tests.student_p(tested)
        return {**row, **_in_points(difference.mean, difference.low, difference.high), "p": p}
    draws = by_choice(random["value"], random["choice"])
    welch = intervals.welch(by_choice(own["value"], own["choice"]), draws)
    return {**row, **_in_points(welch.all_mean, welch.all_low, welch.all_high), "p": welch.p_welch}


def _in_points(gain: float, low: float, high: float) -> dict[str, float]:
    return {"gain": 100 * gain, "low": 100 * low, "high": 100 * high}


def with_verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Set Holm's correction over the rivals' cells of each measure, and what it says."""
    frame["holm"] = math.nan
    for _, part in frame[~frame["oracle"].astype(bool)].groupby("measure", sort=False):
        frame.loc[part.index, "holm"] = paired_tests.holm(part["p"])
    sure = frame["holm"] < LEVEL
    won, lost = sure & (frame["gain"] > 0), sure & (frame["gain"] < 0)
    frame["verdict"] = np.select([won, lost], ["won", "lost"], "")
    return frame
