"""What every tracker does: take each trial that is done, once."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.formats import Record
from rayal.sweep.definition import Spec, Trial, strategy_label

_NO_METRIC = ("round", "budget", "labelled")


class Tracker(Listener):
    """A place outside the run's directory in which its trials are shown."""

    def __init__(self) -> None:
        self._known = self.known()

    @abstractmethod
    def known(self) -> set[str]:
        """Ids of the trials that lie there whole."""

    @abstractmethod
    def add(self, trial: Trial, record: Record) -> None:
        """Show a trial, whole or not at all."""

    def earlier(self, trial: Trial, record: Record) -> None:
        if trial.id not in self._known:
            self.add(trial, record)

    def trial_ended(self, trial: Trial, outcome: Outcome, record: Record | None) -> None:
        if record is not None:
            self.earlier(trial, record)


def title(trial: Trial) -> str:
    """A name for people; that of the trial is its id."""
    chosen_by = strategy_label(trial.strategy)
    return f"{trial.dataset_name} {chosen_by} {trial.schedule[-1]} seed {trial.seed}"


def parameters(trial: Trial) -> dict[str, str | int | float | bool]:
    """A trial's parameters, flat: strategy.tau and the like."""
    flat: dict[str, Any] = {
        "trial": trial.id,
        "dataset": trial.dataset_name,
        "schedule": " ".join(map(str, trial.schedule)),
        "seed": trial.seed,
    }
    for kind in ("encoder", "initial", "strategy", "learner"):
        spec: Spec = getattr(trial, kind)
        flat[kind] = spec.name
        flat |= {f"{kind}.{name}": _plain(value) for name, value in spec.params.items()}
    return flat


def _plain(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else str(value)


def metrics(record: Record) -> Iterator[tuple[int, dict[str, float]]]:
    """For each round, images labelled so far and every number measured; no NaN, no infinity."""
    for row in record["rounds"]:
        yield (
            row["labelled"],
            {
                name: float(value)
                for name, value in row.items()
                if isinstance(value, int | float)
                and name not in _NO_METRIC
                and math.isfinite(value)
            },
        )
