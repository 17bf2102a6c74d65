"""What a listener is told. Each tells of itself only what it needs; the rest does nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rayal.events.outcome import Outcome
from rayal.storage.formats import Record
from rayal.sweep.definition import Trial


class Listener:
    """Follows a sweep. An exception ends this listener, never the sweep."""

    name = "listener"

    def began(self, todo: int) -> None:
        """Trials that are to run."""

    def stage_began(self, trial: Trial) -> None:
        """The encoder stage that this trial and others stand on is to be made."""

    def stage_said(self, trial: Trial, said: Mapping[str, float]) -> None:
        """It trains: epoch, loss, images_per_second."""

    def stage_ready(self, trial: Trial, seconds: float) -> None:
        """It can be used, so many seconds after it was asked for."""

    def trials_started(self, trials: Sequence[str]) -> None:
        """A worker has taken up trials, by id: for the first time, or again."""

    def running(self, trials: int) -> None:
        """How many trials are with workers."""

    def earlier(self, trial: Trial, record: Record) -> None:
        """A trial of this plan that was done before the sweep was started again."""

    def trial_ended(self, trial: Trial, outcome: Outcome, record: Record | None) -> None:
        """A trial ended; no record where it failed."""

    def ended(self, how: str) -> None:
        """The last that is told: "finished", "interrupted" or the error that ended the sweep."""
