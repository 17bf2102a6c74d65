"""How far a run is, read from its directory alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rayal.events.jsonl import LatestStart, read_latest_start
from rayal.storage.formats import Json, PlanFile
from rayal.storage.location import Location
from rayal.storage.run import RunStore, open_run
from rayal.storage.stopped import Stopped, read_pruning, spared_trials
from rayal.sweep.contents import changed_paths, hashes_in
from rayal.sweep.names import Names, query_label

KILLED = "its process is no more"
LATEST = 100  # records from which the rate is taken


@dataclass(frozen=True)
class Counts:
    """Trials by what became of them.

    running: begun and not ended, while the sweep has not ended. spared: of a strategy that `prune`
    stopped.
    """

    done: int = 0
    running: int = 0
    failed: int = 0
    waiting: int = 0
    spared: int = 0

    @property
    def total(self) -> int:
        return self.done + self.running + self.failed + self.waiting + self.spared


@dataclass(frozen=True)
class Stage:
    """An encoder on a dataset, and its trials.

    state: "ready", "training", "interrupted" (goes on from a checkpoint) or "not begun".
    """

    dataset: str
    encoder: str
    state: str
    trials: Counts


@dataclass(frozen=True)
class Status:
    """How far a run is.

    rate: trials per second over the latest records since the sweep was last started, 0 where that
    cannot be told. seconds_left: of the trials neither done nor failed, None where there is no
    rate. idle_seconds: since the last record, None before the first.
    superseded: ids of finished trials that were made by other files or plugins than those that the
    sweep was last started with, and are left out. changed_files: files and plugins that are others
    on this machine since then; outdated: ids of the finished trials that they had made.
    stopped: strategies, by `prune`, each in a cell.
    ended: how the sweep has ended: "finished", "interrupted" or by what; KILLED where its process
    has ended without saying so, which its own machine alone sees; "" while it runs.
    command: the line that runs the sweep again.
    """

    name: str
    trials: Counts
    stages: tuple[Stage, ...]
    strategies: Mapping[str, Counts]
    rate: float
    seconds_left: float | None
    idle_seconds: float | None
    superseded: tuple[str, ...] = ()
    changed_files: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    ended: str = ""
    command: str = ""


def read(root: Location, now: float | None = None) -> Status:
    """Read how far the run in a directory is; now: seconds since the epoch.

    Raises:
        StoreError: it is no run, or its plan cannot be read.
    """
    store = open_run(root)
    plan = store.plan()
    latest = _latest_start(store)  # before the records: what ends in between is done
    finished = store.finished_at()
    pruning = read_pruning(root)
    states = _states(store, plan["trials"], finished, spared_trials(pruning), latest)
    counts = Counts(**Counter(states.values()))
    names = Names(plan["trials"].values())
    end_times = _ended_since_start(store, states, finished)
    rate = _rate(end_times)
    unended = counts.running + counts.waiting
    changed = changed_paths(plan.get("contents", {}))
    return Status(
        name=plan["name"],
        trials=counts,
        stages=tuple(_stages(store, plan, states, names, latest)),
        strategies=_by_strategy(plan["trials"], states, names),
        rate=rate,
        seconds_left=0.0 if not unended else unended / rate if rate else None,
        idle_seconds=max(0.0, (now or time.time()) - end_times[-1]) if end_times else None,
        superseded=tuple(sorted(plan.get("superseded", {}).keys() & finished.keys())),
        changed_files=tuple(sorted({path for paths in changed.values() for path in paths})),
        outdated=tuple(
            trial
            for trial, definition in plan["trials"].items()
            if trial in finished and not changed.keys().isdisjoint(hashes_in(definition))
        ),
        stopped=tuple(pruning["stopped"]) if pruning else (),
        ended=latest.ended,
        command=str(plan.get("command", "")),
    )


# What became of each trial ---------------------------------------------------------


def _latest_start(store: RunStore) -> LatestStart:
    """Read the log after the lock: who ends between the two has said in the log how."""
    is_over = store.files.holder_has_ended(store.root)
    latest = read_latest_start(store.root)
    if latest.began and is_over and not latest.ended:
        latest.ended = KILLED
    return latest


def _states(
    store: RunStore,
    trials: Mapping[str, Json],
    done: Mapping[str, float],
    spared: set[str],
    latest: LatestStart,
) -> dict[str, str]:
    """A record means done, whatever else lies there; a failure outweighs rounds that are kept."""
    failed = store.failed()
    running = set[str]() if latest.ended else store.in_progress() | latest.trials

    def state(trial: str) -> str:
        if trial in done:
            return "done"
        if trial in spared:
            return "spared"
        if trial in failed:
            return "failed"
        return "running" if trial in running else "waiting"

    return {trial: state(trial) for trial in trials}


def _stages(
    store: RunStore,
    plan: PlanFile,
    states: Mapping[str, str],
    names: Names,
    latest: LatestStart,
) -> list[Stage]:
    counts: dict[str, Counter[str]] = {}
    encoders: dict[str, str] = {}
    for trial, definition in plan["trials"].items():
        key = definition["artefact"]
        for needed in definition.get("artefacts", [key]):
            counts.setdefault(needed, Counter())[states[trial]] += 1
        if "encoder" in definition:
            encoders[key] = names.of(definition)["encoder"].label

    def state(key: str) -> str:
        if store.artifacts.is_complete(key):
            return "ready"
        has_checkpoint = store.artifacts.has_checkpoint(key)
        if latest.ended:
            return "interrupted" if has_checkpoint else "not begun"
        return "training" if has_checkpoint or key in latest.stages else "not begun"

    return [
        Stage(
            about["dataset"],
            encoders.get(key, str(about["encoder"]["name"])),
            state(key),
            Counts(**counts.get(key, Counter())),
        )
        for key, about in plan["artefacts"].items()
    ]


def _by_strategy(
    trials: Mapping[str, Json], states: Mapping[str, str], names: Names
) -> dict[str, Counts]:
    counted: dict[str, Counter[str]] = {}
    for trial, definition in trials.items():
        label = query_label(names.of(definition), definition["schedule"])
        counted.setdefault(label, Counter())[states[trial]] += 1
    return {name: Counts(**states) for name, states in counted.items()}


# How fast --------------------------------------------------------------------------


def _ended_since_start(
    store: RunStore, states: Mapping[str, str], finished: Mapping[str, float]
) -> list[float]:
    """When the trials of the latest start ended, in order: the plan is written at each start."""
    started = store.started_at()
    times = (finished[trial] for trial, state in states.items() if state == "done")
    return sorted(time for time in times if time >= started)


def _rate(end_times: Sequence[float]) -> float:
    latest = end_times[-LATEST:]
    spent = latest[-1] - latest[0] if latest else 0.0
    return (len(latest) - 1) / spent if spent > 0 else 0.0
