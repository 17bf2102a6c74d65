"""A listener with a thread and a queue of its own, so that a slow one keeps nobody waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.files import StoreError
from rayal.storage.formats import Record
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial

BATCH = 16  # earlier records read at once: an object store answers as many side by side
TRIES = 5  # to read a record: a network file system may show it late to another node
RETRY_SECONDS = 2.0

Event = Callable[[Listener], None]


class ListenerThread:
    """Tells one listener of events, in order, and reads the records that it wants to see."""

    def __init__(self, listener: Listener, store: RunStore, warn: Callable[[str], None]) -> None:
        self._listener, self._store, self._warn = listener, store, warn
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._muted = threading.Event()  # the rest is dropped: interrupted, or it has failed
        self._has_failed = False
        self._thread = threading.Thread(target=self._deliver_all, daemon=True)
        self._thread.start()

    def post(self, event: Event) -> None:
        """Have a method of the listener called."""
        self._queue.put(partial(self._call, event))

    def post_end_of_trial(self, trial: Trial, outcome: Outcome) -> None:
        """Tell how a trial ended and, where the listener wants to see it, its record."""
        self.post(lambda listener: listener.trial_ended(trial, outcome))
        if not outcome.error and self._overrides("trial_recorded"):
            self._queue.put(partial(self._deliver_record, trial))

    def post_earlier_records(self, trials: Sequence[Trial]) -> None:
        """Show records of earlier starts, where the listener wants to: each costs a read."""
        if self._overrides("earlier_record"):
            for start in range(0, len(trials), BATCH):
                self._queue.put(partial(self._deliver_earlier, trials[start : start + BATCH]))

    @property
    def backlog(self) -> int:
        """Number of events that the listener has not been told of yet."""
        return self._queue.qsize()

    def end(self, reason: str, *, drop: bool) -> None:
        """Tell of the rest, or drop it; then of the sweep's end. Returns when that is done."""
        if drop:
            self._muted.set()
        self._queue.put(None)
        self._thread.join()
        self._call(lambda listener: listener.sweep_ended(reason))

    def _overrides(self, method: str) -> bool:
        return getattr(type(self._listener), method) is not getattr(Listener, method)

    def _deliver_all(self) -> None:
        while (deliver := self._queue.get()) is not None:
            if not self._muted.is_set():
                deliver()

    def _deliver_record(self, trial: Trial) -> None:
        record = self._record(trial)
        if record is not None:
            self._call(lambda listener: listener.trial_recorded(trial, record))

    def _deliver_earlier(self, trials: Sequence[Trial]) -> None:
        for trial, record in self._records(trials):
            if not self._muted.is_set():
                self._call(partial(_show_earlier, trial=trial, record=record))

    def _call(self, event: Event) -> None:
        try:
            event(self._listener)
        except Exception as error:  # noqa: BLE001 - a listener's failure is its own
            self._muted.set()
            if not self._has_failed:  # it is told of the end, and may fail there again
                self._warn(
                    f"{self._listener.name} stopped following ({type(error).__name__}: {error}); "
                    "the run goes on, and its records are whole"
                )
            self._has_failed = True

    def _records(self, trials: Sequence[Trial]) -> list[tuple[Trial, Record]]:
        try:
            records = self._store.records([trial.id for trial in trials])
        except (OSError, StoreError):  # one by one, the damaged one is left out
            read = [(trial, self._record(trial)) for trial in trials]
            return [(trial, record) for trial, record in read if record is not None]
        return list(zip(trials, records, strict=True))

    def _record(self, trial: Trial) -> Record | None:
        """Read what a worker wrote, perhaps on another node."""
        for _ in range(TRIES):
            if self._store.has_record(trial.id) or self._muted.wait(RETRY_SECONDS):
                break
        try:
            return self._store.record(trial.id)
        except StoreError as error:
            self._warn(f"{self._listener.name} leaves out a trial: {error}")
            return None


def _show_earlier(listener: Listener, trial: Trial, record: Record) -> None:
    listener.earlier_record(trial, record)
