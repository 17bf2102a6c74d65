"""What every experiment tracker does: take each trial that is done, once."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator

from rayal.events.listener import Listener
from rayal.storage.formats import Record
from rayal.sweep.definition import Spec, Trial

Param = str | int | float | bool

_NOT_MEASURED = ("round", "budget", "labelled")


class Tracker(Listener):
    """A place outside the run's directory in which its trials are shown."""

    def __init__(self) -> None:
        self._complete = self.complete_trials()

    @abstractmethod
    def complete_trials(self) -> set[str]:
        """Ids of the trials that the tracker holds from beginning to end."""

    @abstractmethod
    def add_trial(self, trial: Trial, record: Record) -> None:
        """Show a trial, all of it or nothing."""

    def earlier_record(self, trial: Trial, record: Record) -> None:
        if trial.id not in self._complete:
            self.add_trial(trial, record)

    def trial_recorded(self, trial: Trial, record: Record) -> None:
        self.earlier_record(trial, record)

    def run_name(self, trial: Trial) -> str:
        """Return a name for people; that of the trial is its id."""
        strategy = self.names(trial)["strategy"].label
        return f"{trial.dataset_name} {strategy} {trial.schedule[-1]} seed {trial.seed}"


def flat_params(trial: Trial) -> dict[str, Param]:
    """A trial's parameters in one level: strategy.tau and the like."""
    flat: dict[str, Param] = {
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


def _plain(value: object) -> Param:
    return value if isinstance(value, str | int | float | bool) else str(value)


def metrics_by_round(record: Record) -> Iterator[tuple[int, dict[str, float]]]:
    """For each round, images labeled so far and every number measured; no NaN, no infinity."""
    for row in record["rounds"]:
        yield (
            row["labelled"],
            {
                name: float(value)
                for name, value in row.items()
                if isinstance(value, int | float)
                and name not in _NOT_MEASURED
                and math.isfinite(value)
            },
        )
