"""DIR/log.jsonl: what happened and when, a JSON object a line, for machines and for grep.

Each line has `time` (UTC), `event` and, where it is about one, `trial`. Events: sweep_started,
stage_started, stage_ready, trials_started (`trials`: those that a worker takes up together, which
comes again for the same trials when a worker dies), trial_done, trial_failed, strategy_stopped
(why, and `spared`: trials that are not run), sweep_ended. Starts of the same run follow one another
in the same file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.files import StoreError, files_of
from rayal.storage.formats import Record
from rayal.storage.location import Location
from rayal.storage.stopped import Stopped
from rayal.sweep.definition import Trial

FILE_NAME = "log.jsonl"


@dataclass
class LatestStart:
    """What the log says since the sweep was last started.

    trials, stages: ids of what was begun; ended: how the sweep has ended, "" where no line says so.
    began: whether it was ever started.
    """

    trials: set[str] = field(default_factory=set)
    stages: set[str] = field(default_factory=set)
    ended: str = ""
    began: bool = False


def read_latest_start(root: Location) -> LatestStart:
    """Read the log of a run, which may be written meanwhile; damaged lines are passed over."""
    place = root / FILE_NAME
    try:
        lines = files_of(place).read(place).decode(errors="replace").splitlines()
    except (FileNotFoundError, StoreError):
        return LatestStart()
    latest = LatestStart()
    for line in lines:
        latest = _with_line(latest, line)
    return latest


def _with_line(latest: LatestStart, line: str) -> LatestStart:
    try:
        entry = json.loads(line)
        event = entry["event"]
        if event == "sweep_started":
            return LatestStart(began=True)
        if event == "trials_started":
            latest.trials.update(map(str, entry["trials"]))
        elif event == "stage_started":
            latest.stages.add(str(entry["artefact"]))
        elif event == "sweep_ended":
            latest.ended = str(entry["how"])
    except (ValueError, RecursionError, KeyError, TypeError):
        pass
    return latest


def _now() -> datetime:
    return datetime.now(timezone.utc)


class JsonLinesLog(Listener):
    """Appends to the log of a run's directory, a whole line at a time."""

    name = f"the log {FILE_NAME}"

    def __init__(self, root: Location, now: Callable[[], datetime] = _now) -> None:
        path = root / FILE_NAME
        self._append, self._now = files_of(path).open_append(path), now

    def sweep_started(self, remaining: int) -> None:
        self._write("sweep_started", trials=remaining)

    def encoding_started(self, trial: Trial) -> None:
        self._write("stage_started", **self._embedding(trial))

    def encoding_finished(self, trial: Trial, seconds: float) -> None:
        self._write("stage_ready", **self._embedding(trial), seconds=round(seconds, 3))

    def trials_started(self, trials: Sequence[str]) -> None:
        self._write("trials_started", trials=list(trials))

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        if outcome.error:
            self._write("trial_failed", **self._trial(trial), error=outcome.error)

    def trial_recorded(self, trial: Trial, record: Record) -> None:
        self._write("trial_done", **self._trial(trial), seconds=round(record["seconds"], 3))

    def strategy_stopped(self, stopped: Stopped) -> None:
        about = {key: value for key, value in stopped.items() if key != "trials"}
        self._write("strategy_stopped", **about)

    def sweep_ended(self, reason: str) -> None:
        self._write("sweep_ended", how=reason)
        self._append("")

    def _write(self, event: str, **about: object) -> None:
        time = self._now().isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **about})
        self._append(f"{line}\n")

    def _trial(self, trial: Trial) -> dict[str, object]:
        names = self.names(trial)
        return {
            "trial": trial.id,
            **self._embedding(trial),
            "strategy": names["strategy"].label,
            "learner": names["learner"].label,
            "labelled": trial.schedule[-1],
            "seed": trial.seed,
        }

    def _embedding(self, trial: Trial) -> dict[str, str]:
        return {
            "artefact": trial.embedding_id,
            "dataset": trial.dataset_name,
            "encoder": self.names(trial)["encoder"].label,
        }
