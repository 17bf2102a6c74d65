"""A sweep as time series. Where they are shown is the runner's affair; on Ray it is Prometheus."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from rayal.events.bar import Instrument, Metric
from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.formats import Record
from rayal.sweep.definition import Trial, strategy_label

TRIALS = Metric(
    "rayal_trials", "gauge", "Trials by state: done, failed, running, waiting (the queue).",
    ("sweep", "state"),
)  # fmt: skip
FAILURES = Metric(
    "rayal_failures", "counter", "Trials that failed since the sweep was started, by error.",
    ("sweep", "error"),
)  # fmt: skip
SECONDS = Metric(
    "rayal_stage_seconds", "counter", "Seconds spent: encode, select, train.",
    ("sweep", "stage"),
)  # fmt: skip
IMAGES = Metric(
    "rayal_images_per_second", "gauge", "Pace of an encoder in training; 0 when it is ready.",
    ("sweep", "dataset", "encoder"),
)  # fmt: skip
BEST = Metric(
    "rayal_best_auc", "gauge", "Highest AUC of any round so far.",
    ("sweep", "dataset", "strategy"),
)  # fmt: skip
METRICS = (TRIALS, FAILURES, SECONDS, IMAGES, BEST)


class Meters(Listener):
    """Keeps the metrics above up to date; `make` says what to do with their values."""

    name = "the export of metrics"

    def __init__(self, sweep: str, trials: int, make: Callable[[Metric], Instrument]) -> None:
        self._sweep, self._total = sweep, trials
        self._show = {metric: make(metric) for metric in METRICS}
        self._done = self._failed = self._running = 0
        self._best: dict[tuple[str, str], float] = {}

    def began(self, todo: int) -> None:
        self._done = self._total - todo  # at once: a jump would look like a pace
        self._show_states()

    def stage_said(self, trial: Trial, said: Mapping[str, float]) -> None:
        self._pace(trial, said.get("images_per_second", 0.0))

    def stage_ready(self, trial: Trial, seconds: float) -> None:
        self._pace(trial, 0.0)
        self._put(SECONDS, seconds, stage="encode")

    def running(self, trials: int) -> None:
        self._running = trials
        self._show_states()

    def earlier(self, trial: Trial, record: Record) -> None:
        self._compare(trial, record)

    def trial_ended(self, trial: Trial, outcome: Outcome, record: Record | None) -> None:
        if record is None:
            self._failed += 1
            self._put(FAILURES, 1, error=_kind(outcome.error))
        else:
            self._done += 1
            self._compare(trial, record)
            seconds = {
                "select": sum(row["select_seconds"] for row in record["rounds"]),
                "train": sum(row["train_seconds"] for row in record["rounds"]),
            }
            for stage, spent in seconds.items():
                if spent > 0:  # Ray's counters take no zero
                    self._put(SECONDS, spent, stage=stage)
        self._show_states()

    def _compare(self, trial: Trial, record: Record) -> None:
        key = (trial.dataset_name, strategy_label(trial.strategy))
        found = [row["auc"] for row in record["rounds"] if math.isfinite(row["auc"])]
        if found and max(found) > self._best.get(key, -math.inf):
            self._best[key] = max(found)
            self._put(BEST, max(found), dataset=key[0], strategy=key[1])

    def _pace(self, trial: Trial, images: float) -> None:
        self._put(IMAGES, images, dataset=trial.dataset_name, encoder=trial.encoder.name)

    def _show_states(self) -> None:
        waiting = max(0, self._total - self._done - self._failed - self._running)
        states = {"done": self._done, "failed": self._failed, "running": self._running}
        for state, count in {**states, "waiting": waiting}.items():
            self._put(TRIALS, count, state=state)

    def _put(self, metric: Metric, value: float, **labels: Any) -> None:
        self._show[metric](value, {"sweep": self._sweep, **labels})


def _kind(error: str) -> str:
    """The type of an exception; a few values, whatever its message says."""
    kind = error.partition(":")[0]
    return kind if kind.isidentifier() else "WorkerDied"
