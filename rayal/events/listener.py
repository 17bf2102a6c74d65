"""The one interface of all who are told what happens in a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rayal.events.outcome import Outcome
from rayal.storage.formats import Record
from rayal.storage.stopped import Stopped
from rayal.sweep.definition import Trial, names_alone
from rayal.sweep.names import Named


class Listener:
    """Is told what happens in a sweep; every method does nothing unless it is overridden.

    Called in the order of the events, never by two threads at once. Where a `Dispatcher` calls, an
    exception ends this listener and never the sweep.
    """

    name = "listener"
    # Names of a trial's components by kind; a Dispatcher sets those by which its plan tells them
    # apart.
    names: Callable[[Trial], Mapping[str, Named]] = staticmethod(names_alone)

    def sweep_started(self, remaining: int) -> None:
        """The sweep starts, with this number of trials still to run."""

    def encoding_started(self, trial: Trial) -> None:
        """The embedding that this trial and others need is asked for."""

    def encoding_progress(self, trial: Trial, progress: Mapping[str, float]) -> None:
        """Its encoder trains; the keys are those of `contracts.Progress`."""

    def encoding_finished(self, trial: Trial, seconds: float) -> None:
        """It can be used, so many seconds after it was asked for."""

    def trials_started(self, trials: Sequence[str]) -> None:
        """A worker has taken up trials, by id: for the first time, or again after a loss."""

    def trials_running(self, count: int) -> None:
        """This number of trials is with workers now."""

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """A trial ended, well or not. Its record may still be on its way from another node."""

    def trial_recorded(self, trial: Trial, record: Record) -> None:
        """The record of a trial that ended well, after `trial_ended`."""

    def earlier_record(self, trial: Trial, record: Record) -> None:
        """The record of a trial of this plan that was done before the sweep was started again."""

    def strategy_stopped(self, stopped: Stopped) -> None:
        """A strategy lost to random selection in a cell: its trials that wait are not run."""

    def message(self, text: str) -> None:
        """Something that a person should know."""

    def sweep_ended(self, reason: str) -> None:
        """The last event: "finished", "interrupted" or the error that ended the sweep."""
