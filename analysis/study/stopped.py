"""Strategies that a sweep stopped because they lost to random selection, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.study.grouping import CURVE
from rayal.storage.location import Location
from rayal.storage.stopped import Pruning, Stopped, read_pruning

SPARED = "spared"  # the status of a trial that is not to be run


def prunings(roots: Iterable[Location]) -> list[Pruning]:
    """Read what runs have stopped.

    Raises:
        rayal.storage.files.DamagedError: a run's file of it is damaged.
    """
    return [pruning for root in roots if (pruning := read_pruning(root)) is not None]


def stopped_in(trials: pd.DataFrame, roots: Iterable[Location]) -> tuple[Stopped, ...]:
    """Return what was stopped of planned trials, where something was spared that no run has.

    What several runs stopped of the same trials is there once.
    """
    left = set(trials.loc[trials["status"] != "done", "trial"])
    every = (one for pruning in prunings(roots) for one in pruning["stopped"])
    first: dict[frozenset[str], Stopped] = {}
    for one in every:
        if not left.isdisjoint(one["spared"]):
            first.setdefault(frozenset(one["trials"]), one)
    return tuple(first.values())


def with_spared(trials: pd.DataFrame, stopped: Sequence[Stopped]) -> pd.DataFrame:
    """Give the trials that were spared a status of their own."""
    spared = {trial for one in stopped for trial in one["spared"]}
    are_spared = trials["trial"].isin(spared) & (trials["status"] != "done")
    return trials.assign(status=trials["status"].mask(are_spared, SPARED))


def of_stopped(frame: pd.DataFrame, stopped: Sequence[Stopped]) -> pd.Series[bool]:
    """Say of each row whether its trial is of a strategy that was stopped in the trial's cell."""
    return frame["trial"].isin({trial for one in stopped for trial in one["trials"]})


def without_curves(frame: pd.DataFrame, are_stopped: pd.Series[bool]) -> pd.DataFrame:
    """Leave out every number of labels of a strategy that was stopped at any of them.

    What is left of its curve spans other numbers of labels than the curves beside it.
    """
    curves = frame[CURVE].apply(tuple, axis=1) if len(frame) else are_stopped
    rest: pd.DataFrame = frame[~curves.isin(set(curves[are_stopped]))]
    return rest
