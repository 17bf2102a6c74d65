"""A bar for tests: it shows nothing and keeps what it was told."""

from __future__ import annotations

from types import TracebackType

from rayal.events.bar import Progress, Stage
from rayal.events.outcome import Outcome
from rayal.sweep.definition import Trial


class Recorder(Progress):
    """Keeps notes and outcomes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.outcomes: list[Outcome] = []

    def stage(self, trial: Trial) -> Stage:
        return Stage(lambda said: None, lambda: None)

    def trial_ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None
