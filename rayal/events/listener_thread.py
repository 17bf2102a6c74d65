"""A listener with a thread and a queue of its own: a slow one keeps nobody waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.storage.files import StoreError
from rayal.storage.formats import Record
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial

AT_ONCE = 16  # earlier records read together: an object store answers as many side by side
TRIES = 5  # to read a record: a network file system may show it late to another node
RETRY_SECONDS = 2.0


class Follower:
    """Tells one listener, in order, what it is given to tell; reads records for it."""

    def __init__(self, listener: Listener, store: RunStore, note: Callable[[str], None]) -> None:
        self._listener, self._store, self._note = listener, store, note
        self._queue: queue.SimpleQueue[tuple[str, tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._dropped = threading.Event()  # the rest is not told: interrupted, or it failed
        self._thread = threading.Thread(target=self._tell_all, daemon=True)
        self._thread.start()

    def tell(self, what: str, *said: Any) -> None:
        """Have a method of the listener called; a record is added where it takes one."""
        self._queue.put((what, said))

    def tell_earlier(self, trials: Sequence[Trial]) -> None:
        """Have it called for trials of earlier starts, where it listens: each costs a read."""
        if type(self._listener).earlier is not Listener.earlier:
            for start in range(0, len(trials), AT_ONCE):
                self.tell("earlier", trials[start : start + AT_ONCE])

    @property
    def left(self) -> int:
        """Messages that it has not heard yet."""
        return self._queue.qsize()

    def end(self, how: str, *, drop: bool) -> None:
        """Tell the rest, or drop it; then the last word. Returns when it was heard."""
        if drop:
            self._dropped.set()
        self._queue.put(None)
        self._thread.join()
        self._call("ended", how)

    def _tell_all(self) -> None:
        while (message := self._queue.get()) is not None:
            if not self._dropped.is_set():
                self._told(*message)

    def _told(self, what: str, said: tuple[Any, ...]) -> None:
        if what == "earlier":
            for trial, record in self._records(said[0]):
                if not self._dropped.is_set():
                    self._call(what, trial, record)
        elif what == "trial_ended":
            self._told_end(*said)
        else:
            self._call(what, *said)

    def _told_end(self, trial: Trial, outcome: Outcome) -> None:
        record = None if outcome.error else self._record(trial)
        if record is not None or outcome.error:
            self._call("trial_ended", trial, outcome, record)

    def _call(self, what: str, *said: Any) -> None:
        try:
            getattr(self._listener, what)(*said)
        except Exception as error:  # noqa: BLE001 - a listener's failure is its own
            self._dropped.set()
            self._note(
                f"{self._listener.name} stopped following ({type(error).__name__}: {error}); "
                "the run goes on, and its records are whole"
            )

    def _records(self, trials: Sequence[Trial]) -> list[tuple[Trial, Record]]:
        try:
            found = self._store.records([trial.id for trial in trials])
        except (OSError, StoreError):  # one by one, the damaged one is left out
            read = [(trial, self._record(trial)) for trial in trials]
            return [(trial, record) for trial, record in read if record is not None]
        return list(zip(trials, found, strict=True))

    def _record(self, trial: Trial) -> Record | None:
        """Read what a worker wrote, perhaps on another node."""
        for _ in range(TRIES):
            if self._store.has_record(trial.id) or self._dropped.wait(RETRY_SECONDS):
                break
        try:
            return self._store.record(trial.id)
        except StoreError as error:
            self._note(f"{self._listener.name} leaves out a trial: {error}")
            return None
