"""A listener for tests that writes down what it is told."""

from collections.abc import Sequence
from typing import Any

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.formats import Record
from rayal.sweep.definition import Trial


class Notebook(Listener):
    """Keeps events in order, as tuples."""

    name = "notebook"

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def sweep_started(self, remaining: int) -> None:
        self.events.append(("sweep started", remaining))

    def trials_started(self, trials: Sequence[str]) -> None:
        self.events.append(("trials started", *trials))

    def trials_running(self, count: int) -> None:
        self.events.append(("running", count))

    def earlier_record(self, trial: Trial, record: Record) -> None:
        self.events.append(("earlier", trial.id, record["seconds"]))

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self.events.append(("ended", trial.id, outcome.error))

    def trial_recorded(self, trial: Trial, record: Record) -> None:
        self.events.append(("recorded", trial.id, record["seconds"]))

    def sweep_ended(self, reason: str) -> None:
        self.events.append(("sweep ended", reason))
