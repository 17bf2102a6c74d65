"""Labels that strategies save: how many fewer they need for the AUC that random has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.comparisons import Contest, contests
from analysis.statistics import learning_curves
from analysis.study.study import Study
from analysis.tables import SETTING, as_labels, groups, table


def annotation_saved(study: Study, summary: pd.DataFrame) -> pd.DataFrame:
    """Labels saved at the mean AUC that random has with each budget, with a bootstrap interval.

    `at_least`: the strategy is there already with the smallest budget tried, so it may need fewer.
    `not_reached`: share of the resamples in which it never gets there; where that is too large
    the interval has no low end (-inf).
    """
    measures = ["random_auc", "images_needed", "saved", "saved_low", "saved_high"]
    columns = ["varied", *SETTING, "initial", "strategy", "rounds", "labelled", *measures]
    trials = {
        contest.varied: contest for contest in contests(as_labels(study.rounds), study.baseline)
    }
    rows = (
        {"varied": contest.varied, **row}
        for contest in contests(summary, study.baseline)
        for row in _savings(contest, trials[contest.varied])
    )
    return table(rows, [*columns, "not_reached", "at_least"])


def _savings(contest: Contest, trials: Contest) -> Iterator[dict[str, Any]]:
    keys = [*contest.keys, "labelled"]
    theirs = contest.random[[*keys, "auc_mean"]].rename(columns={"auc_mean": "random_auc"})
    curves = contest.ours.merge(theirs, on=keys).dropna(subset=["auc_mean", "random_auc"])
    own = dict(_by_place(trials.ours, [*SETTING, "initial", "strategy", "rounds"]))
    random = dict(_by_place(trials.random, contest.keys))
    for key, curve in groups(curves, [*SETTING, "initial", "strategy", "rounds"]):
        mine = own[tuple(key.values())]
        their = random[tuple(key[k] for k in contest.keys)]
        start = 1 if contest.varied == "query strategy" else 0
        for row in _saved(curve.sort_values("labelled"), mine, their)[start:]:
            yield {**key, **row}


def _saved(curve: pd.DataFrame, mine: pd.DataFrame, their: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what a mean curve saves at each of its budgets; AUC of trials is seed by budget."""
    budgets, ours, targets = (curve[k].to_numpy() for k in ("labelled", "auc_mean", "random_auc"))
    needed, saved = learning_curves.annotation_saved(budgets, ours, targets)
    trials = [side.reindex(columns=budgets) for side in (mine, their)]
    same_seeds = mine.index.equals(their.index)
    resampled = learning_curves.savings(budgets, *trials, paired=same_seeds)
    return [
        {
            "labelled": budget,
            "random_auc": targets[k],
            "images_needed": needed[k],
            "saved": saved[k],
            "saved_low": resampled[k].interval.low,
            "saved_high": resampled[k].interval.high,
            "not_reached": resampled[k].not_reached,
            "at_least": bool(ours[0] > targets[k]),
        }
        for k, budget in enumerate(budgets)
    ]


def _by_place(
    trials: pd.DataFrame, keys: list[str]
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """AUC of a curve's trials, seed by budget."""
    for key, group in groups(trials, keys):
        yield (
            tuple(key.values()),
            group.pivot_table(index="seed", columns="labelled", values="auc", dropna=False),
        )
