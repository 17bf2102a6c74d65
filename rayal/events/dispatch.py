"""One report of a runner, passed on to the bar and to all listeners."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from rayal.events.bar import Instrument, Metric, Progress, Stage
from rayal.events.listener import Listener
from rayal.events.listener_thread import Follower
from rayal.events.outcome import Outcome
from rayal.events.prometheus import Meters
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial
from rayal.sweep.plan import Plan

MANY = 100  # messages left at the end, of which a person should know what is waited for


class Watched(Progress):
    """Tells the bar in the caller's thread, and each listener in its own.

    What listeners have not heard yet when the sweep is interrupted is dropped: the run is whole
    without it, and trackers are told of it at the next start.
    """

    def __init__(
        self, bar: Progress, listeners: Sequence[Listener], plan: Plan, store: RunStore
    ) -> None:
        self._bar, self._plan, self._store = bar, plan, store
        self._trials = {trial.id: trial for trial in plan.trials}
        done = store.finished()
        self._earlier = [trial for trial in plan.trials if trial.id in done]
        self._listeners = listeners
        self._followers: list[Follower] = []

    def __enter__(self) -> Watched:
        self._bar.__enter__()
        for listener in self._listeners:
            self._follow(listener)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and max((f.left for f in self._followers), default=0) > MANY:
            self._bar.note("all trials have ended; trackers are still being told")
        for follower in self._followers:
            follower.end(_how(error), drop=kind is not None)
        self._bar.__exit__(kind, error, trace)

    def stage(self, trial: Trial) -> Stage:
        shown, started = self._bar.stage(trial), time.monotonic()
        self._tell("stage_began", trial)

        def update(said: Mapping[str, float]) -> None:
            shown.update(said)
            self._tell("stage_said", trial, dict(said))

        def done() -> None:
            shown.done()
            self._tell("stage_ready", trial, time.monotonic() - started)

        return Stage(update, done)

    def trial_ended(self, outcome: Outcome) -> None:
        self._bar.trial_ended(outcome)
        self._tell("trial_ended", self._trials[outcome.trial], outcome)

    def note(self, text: str) -> None:
        self._bar.note(text)

    def trials_started(self, trials: Sequence[str]) -> None:
        self._tell("trials_started", trials)

    def running(self, trials: int) -> None:
        self._tell("running", trials)

    def export(self, make: Callable[[Metric], Instrument]) -> None:
        self._follow(Meters(self._plan.sweep.name, len(self._plan.trials), make))

    def _follow(self, listener: Listener) -> None:
        follower = Follower(listener, self._store, self._bar.note)
        follower.tell("began", len(self._trials) - len(self._earlier))
        follower.tell_earlier(self._earlier)
        self._followers.append(follower)

    def _tell(self, what: str, *said: Any) -> None:
        for follower in self._followers:
            follower.tell(what, *said)


def _how(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) or type(error).__name__
