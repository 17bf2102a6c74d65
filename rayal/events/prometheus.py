"""A sweep as time series. Where they are shown is the runner's affair; on Ray it is Prometheus."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.formats import Record
from rayal.storage.stopped import Stopped
from rayal.sweep.definition import Trial


@dataclass(frozen=True)
class Metric:
    """A time series for Prometheus. A gauge is set, a counter is added to."""

    name: str
    kind: Literal["gauge", "counter"]
    description: str
    labels: tuple[str, ...]


MetricHandle = Callable[[float, dict[str, str]], None]  # takes a value and its labels
CreateMetric = Callable[[Metric], MetricHandle]

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


class SweepMetrics(Listener):
    """Keeps the metrics above up to date; `create_metric` gives what takes their values."""

    name = "the export of metrics"

    def __init__(self, sweep: str, trials: int, create_metric: CreateMetric) -> None:
        self._sweep, self._total = sweep, trials
        self._handles = {metric: create_metric(metric) for metric in METRICS}
        self._done = self._failed = self._running = 0
        self._best: dict[tuple[str, str], float] = {}

    def sweep_started(self, remaining: int) -> None:
        self._done = self._total - remaining  # at once: a jump would look like a pace
        self._put_states()

    def encoding_progress(self, trial: Trial, progress: Mapping[str, float]) -> None:
        self._put_pace(trial, progress.get("images_per_second", 0.0))

    def encoding_finished(self, trial: Trial, seconds: float) -> None:
        self._put_pace(trial, 0.0)
        self._put(SECONDS, seconds, stage="encode")

    def trials_running(self, count: int) -> None:
        self._running = count
        self._put_states()

    def earlier_record(self, trial: Trial, record: Record) -> None:
        self._put_best(trial, record)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        if outcome.error:
            self._failed += 1
            self._put(FAILURES, 1, error=_error_type(outcome.error))
        else:
            self._done += 1
        self._put_states()

    def strategy_stopped(self, stopped: Stopped) -> None:
        self._total -= len(stopped["spared"])
        self._put_states()

    def trial_recorded(self, trial: Trial, record: Record) -> None:
        self._put_best(trial, record)
        rounds = record["rounds"]
        seconds = {
            "select": sum(row["select_seconds"] for row in rounds),
            "train": sum(row["train_seconds"] for row in rounds),
        }
        for stage, spent in seconds.items():
            if spent > 0:  # Ray's counters take no zero
                self._put(SECONDS, spent, stage=stage)

    def _put_best(self, trial: Trial, record: Record) -> None:
        key = (trial.dataset_name, self.names(trial)["strategy"].label)
        finite = [row["auc"] for row in record["rounds"] if math.isfinite(row["auc"])]
        if finite and max(finite) > self._best.get(key, -math.inf):
            self._best[key] = max(finite)
            self._put(BEST, max(finite), dataset=key[0], strategy=key[1])

    def _put_pace(self, trial: Trial, images: float) -> None:
        self._put(
            IMAGES, images, dataset=trial.dataset_name, encoder=self.names(trial)["encoder"].label
        )

    def _put_states(self) -> None:
        waiting = max(0, self._total - self._done - self._failed - self._running)
        states = {"done": self._done, "failed": self._failed, "running": self._running}
        for state, count in {**states, "waiting": waiting}.items():
            self._put(TRIALS, count, state=state)

    def _put(self, metric: Metric, value: float, **labels: str) -> None:
        self._handles[metric](value, {"sweep": self._sweep, **labels})


def _error_type(error: str) -> str:
    """The type of an exception; a few values, whatever its message says."""
    name = error.partition(":")[0]
    return name if name.isidentifier() else "WorkerDied"
