"""Passes what a runner reports on to the display and to all other listeners."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType

from rayal.events.listener import Listener
from rayal.events.listener_thread import Event, ListenerThread
from rayal.events.outcome import Outcome
from rayal.storage.run import RunStore
from rayal.storage.stopped import Stopped
from rayal.sweep.definition import Trial
from rayal.sweep.plan import Plan

LONG_BACKLOG = 100  # events left at the end, of which a person should know what is waited for


class Dispatcher(Listener):
    """Tells the display in the caller's thread, and each other listener in its own.

    A context: entering it tells of the sweep's start, leaving it of its end. What listeners have
    not heard yet when the sweep is interrupted is dropped: the run is whole without it, and
    trackers are told of it at the next start.
    """

    def __init__(
        self, display: Listener, listeners: Sequence[Listener], plan: Plan, store: RunStore
    ) -> None:
        self._display, self._store = display, store
        self._lock = threading.RLock()  # runners and listeners' threads report at the same time
        done = store.finished()
        self._earlier = [trial for trial in plan.trials if trial.id in done]
        self._remaining = len(plan.trials) - len(self._earlier)
        self._listeners = listeners
        self.names = display.names = plan.names
        self._threads: list[ListenerThread] = []
        self._stopped: list[Stopped] = []  # for those who are added later

    def __enter__(self) -> Dispatcher:
        self._display.sweep_started(self._remaining)
        for listener in self._listeners:
            self.add(listener)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and max((t.backlog for t in self._threads), default=0) > LONG_BACKLOG:
            self.message("all trials have ended; trackers are still being told")
        reason = _reason(error)
        for thread in self._threads:
            thread.end(reason, drop=kind is not None)
        self._display.sweep_ended(reason)

    def add(self, listener: Listener) -> None:
        """Tell one more listener, from the sweep's start on."""
        listener.names = self.names
        thread = ListenerThread(listener, self._store, self._warn)
        thread.post(lambda listener: listener.sweep_started(self._remaining))
        thread.post_earlier_records(self._earlier)
        for stopped in self._stopped:
            thread.post(partial(_tell_of_stopped, stopped))
        self._threads.append(thread)

    def encoding_started(self, trial: Trial) -> None:
        self._tell(lambda listener: listener.encoding_started(trial))

    def encoding_progress(self, trial: Trial, progress: Mapping[str, float]) -> None:
        snapshot = dict(progress)
        self._tell(lambda listener: listener.encoding_progress(trial, snapshot))

    def encoding_finished(self, trial: Trial, seconds: float) -> None:
        self._tell(lambda listener: listener.encoding_finished(trial, seconds))

    def trials_started(self, trials: Sequence[str]) -> None:
        self._tell(lambda listener: listener.trials_started(trials))

    def trials_running(self, count: int) -> None:
        self._tell(lambda listener: listener.trials_running(count))

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        with self._lock:
            self._display.trial_ended(trial, outcome)
        for thread in self._threads:
            thread.post_end_of_trial(trial, outcome)

    def strategy_stopped(self, stopped: Stopped) -> None:
        self._stopped.append(stopped)
        self._tell(lambda listener: listener.strategy_stopped(stopped))

    def message(self, text: str) -> None:
        self._tell(lambda listener: listener.message(text))

    def _tell(self, event: Event) -> None:
        with self._lock:
            event(self._display)
        for thread in self._threads:
            thread.post(event)

    def _warn(self, text: str) -> None:
        with self._lock:
            self._display.message(text)


def _tell_of_stopped(stopped: Stopped, listener: Listener) -> None:
    listener.strategy_stopped(stopped)


def _reason(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) or type(error).__name__
