"""What a scheduler of batches says, passed on to the queue, the store and who is told."""

from __future__ import annotations

from collections.abc import Sequence

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.run.queue import TrialQueue
from rayal.run.signals import raise_if_asked
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore


class AllTrialsDoneError(Exception):
    """Every trial has ended: raised to leave a scheduler that would go on."""


class TrialEvents:
    """Tells the queue and the listeners of every trial; leaves the trace of those given up."""

    def __init__(self, events: Listener, store: RunStore, queue: TrialQueue) -> None:
        self._events, self._store, self._queue = events, store, queue
        self.fatal = ""

    def started(self, batch: Sequence[str]) -> None:
        self._queue.started(batch)

    def took(self, batch: Sequence[str], seconds: float) -> None:
        self._queue.took(batch, seconds)

    def ended(self, outcome: Outcome) -> None:
        self._queue.ended(outcome.trial)
        if outcome.fatal:
            self.fatal = outcome.error
        else:
            self._events.trial_ended(self._queue.trials[outcome.trial], outcome)
            self._queue.pruner.ended(outcome)

    def raise_at_end(self) -> None:
        """Leave the scheduler when there is nothing more to do.

        Raises:
            StoreError: the store can take no more.
            AllTrialsDoneError: every trial has ended.
            StopRequestedError: a signal asked for it.
        """
        raise_if_asked()
        if self.fatal:
            raise StoreError(self.fatal)
        if self._queue.is_exhausted:
            raise AllTrialsDoneError

    def worker_died(self, batch: Sequence[str], trace: str, *, with_node: bool) -> None:
        """What the worker had finished is on disk; the rest waits again, or is given up."""
        recorded = [name for name in batch if self._store.has_record(name)]
        for name in recorded:
            self.ended(Outcome(name))
        unfinished = [name for name in batch if name not in recorded]
        given_up = self._queue.lost(unfinished, with_node=with_node)
        what = "node was lost" if with_node else "worker process died"
        if again := len(unfinished) - len(given_up):
            self._events.message(f"a {what}; trials that are started again: {again}")
        for trial, reason in given_up:
            self._store.save_failure(trial.id, trial.definition(), reason, trace)
            self.ended(Outcome(trial.id, reason))
