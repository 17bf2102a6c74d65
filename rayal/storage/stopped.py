"""DIR/pruned.json: the strategies that a sweep with `prune` has stopped, and what it spared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypedDict, cast

from rayal.storage.files import DamagedError, files_of
from rayal.storage.formats import parse_json
from rayal.storage.location import Location

NAME = "pruned.json"


class Stopped(TypedDict):
    """A strategy that was stopped in one cell, and on what grounds.

    dataset to strategy: labels. schedule: labeled images after each round. pairs: seeds that were
    looked at, those of one choice of images once, of which it lost and won so many, the others
    tied. evidence: what the test had gathered (`rayal.kernels.sequential_sign_test`); needed: what
    it takes. difference: mean of strategy less random over these pairs, which is biased downwards,
    as the stop depends on it.
    trials: ids of the strategy's trials in the cell; spared: of those that are not to be run.
    """

    dataset: str
    encoder: str
    learner: str
    initial: str
    strategy: str
    schedule: list[int]
    measure: str
    pairs: int
    lost: int
    won: int
    evidence: float
    needed: float
    difference: float
    trials: list[str]
    spared: list[str]


class Pruning(TypedDict):
    """What a run has stopped, at which level over so many comparisons."""

    level: float
    comparisons: int
    stopped: list[Stopped]


def save_pruning(root: Location, pruning: Pruning) -> None:
    """Keep what a run has stopped by now, in place of what was kept before."""
    files_of(root).write(root / NAME, json.dumps(pruning, indent=1).encode())


def forget_pruning(root: Location) -> None:
    """Let a run have stopped nothing."""
    files_of(root).remove(root / NAME)


def read_pruning(root: Location) -> Pruning | None:
    """Read what a run has stopped; None where its sweep does not prune.

    Raises:
        DamagedError: the file is damaged.
    """
    place = root / NAME
    try:
        content = parse_json(place, files_of(root).read(place))
    except FileNotFoundError:
        return None
    stopped = content.get("stopped")
    if not isinstance(stopped, list) or not all(map(_is_whole, stopped)):
        raise DamagedError(f"{place} is not whole; delete it and run the sweep again")
    return cast("Pruning", content)


def spared_trials(pruning: Pruning | None) -> set[str]:
    """Return the ids of the trials that are not to be run."""
    return {trial for comparison in _stops(pruning) for trial in comparison["spared"]}


def in_words(stopped: Stopped) -> str:
    """Say who was stopped where, and why."""
    single = len(stopped["schedule"]) == 1
    who = stopped["strategy"] if single else f"{stopped['initial']}, then {stopped['strategy']}"
    first, last = stopped["schedule"][0], stopped["schedule"][-1]
    labels = f"{last:,}" if single else f"{first:,} to {last:,}"
    return (
        f"stopped: {who} on {stopped['dataset']} ({stopped['encoder']}, {stopped['learner']}, "
        f"{labels} labels): lost to random in {stopped['lost']} of {stopped['pairs']} pairs of the "
        f"same seed; {len(stopped['spared'])} trials are spared"
    )


def _stops(pruning: Pruning | None) -> Sequence[Stopped]:
    return pruning["stopped"] if pruning else ()


def _is_whole(entry: object) -> bool:
    return isinstance(entry, dict) and Stopped.__required_keys__ <= entry.keys()
