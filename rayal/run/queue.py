"""The trials of a sweep that have not ended, and what is lost with workers and nodes.

Bundles of trials wait by the encoder stage they stand on, are given out when it is ready, and come
back, one by one, when the worker that held them is lost. What hands them out is the caller's.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rayal.events.bar import Progress
from rayal.events.outcome import Outcome
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, group_by_embedding
from rayal.sweep.plan import Plan

LOST_WORKERS = 3  # times that work is started again after its worker died
LOST_NODES = 30  # the same where the node went too, as spot nodes do: no work is to blame
GRACE_SECONDS = 10.0  # for a training to take what the last trials have left


class AllEndedError(Exception):
    """Every trial has ended: raised to leave a scheduler that would go on."""


class Losses:
    """Counts how often pieces of work lost the worker they were with."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, bool]] = Counter()

    def add(self, name: str, *, with_node: bool) -> str:
        """Count one more; say why it is one too many to start again, "" where it is not.

        A worker that dies alone may have been killed by its work, which then kills the next. With
        a node much is lost that is not to blame.
        """
        self._counts[name, with_node] += 1
        times = self._counts[name, with_node]
        if times <= (LOST_NODES if with_node else LOST_WORKERS):
            return ""
        if with_node:
            return f"the node it was on was lost {times} times"
        return (
            f"its worker process died {times} times; the system may have been out of memory, or a "
            "native library crashed"
        )


class Stages(Protocol):
    """Encoder stages as a queue sees them: keys of those that have ended, and how."""

    @property
    def ready(self) -> set[str]: ...

    @property
    def failed(self) -> set[str]: ...

    @property
    def waiting(self) -> set[str]:
        """Stages whose training was lost, and has no place yet to go on."""

    @property
    def fatal(self) -> str: ...


class Queue:
    """The trials that have not ended, in bundles, by the encoder stage they stand on."""

    def __init__(
        self,
        plan: Plan,
        todo: Sequence[Trial],
        stages: Stages,
        slots: int,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trials = {trial.id: trial for trial in todo}
        self._stages, self._progress = stages, progress
        self._waiting = {
            key: deque([trial.id for trial in bundle] for bundle in plan.bundles(trials, slots))
            for key, trials in group_by_embedding(todo).items()
        }
        self._given: set[str] = set()
        self._running: set[str] = set()
        self._losses = Losses()
        self._room = _Room(clock)

    @property
    def fatal(self) -> str:
        return self._stages.fatal

    @property
    def at_end(self) -> bool:
        """Whether no trial is with Tune, and none will be."""
        hoped = [a for a, q in self._waiting.items() if q and a not in self._stages.failed]
        return not (hoped or self._given)

    def next(self) -> dict[str, Any] | str | None:
        """Return a bundle whose stage is ready, "FINISHED" at the end, None while none is.

        None, too, while trials that end make room for a training that was lost.
        """
        if self._stages.fatal:
            return "FINISHED"
        if self._room.is_made_for(self._stages.waiting, by_trials=len(self._given)):
            return None
        for artefact, waiting in self._waiting.items():
            if waiting and artefact in self._stages.ready:
                bundle = waiting.popleft()
                self._given.update(bundle)
                return {"bundle": bundle}
        return "FINISHED" if self.at_end else None

    def started(self, bundle: Sequence[str]) -> None:
        """A worker has taken a bundle up; until then Tune holds it ready."""
        self._running.update(bundle)
        self._progress.trials_started(bundle)
        self._progress.running(len(self._running))

    def ended(self, trial: str) -> None:
        self._given.discard(trial)
        self._running.discard(trial)
        self._progress.running(len(self._running))

    def lost(self, unfinished: Sequence[str], *, with_node: bool) -> list[tuple[Trial, str]]:
        """Take back, one by one, what a worker held that died; return those given up, and why.

        One trial may have killed the worker of its whole bundle: alone it will show.
        """
        given_up = []
        for name in unfinished:
            trial = self.trials[name]
            self.ended(name)
            if why := self._losses.add(name, with_node=with_node):
                given_up.append((trial, why))
            else:
                self._waiting[trial.embedding_id].append([name])
        return given_up


class _Room:
    """Whether trials are held back for a training that was lost and waits for a place.

    Workers keep their place from one trial to the next, and those that wait for a place asked
    before it: the training, on which many trials stand, could wait for the last of all others.
    It may also wait for what no trial has: when it has no place though no trial runs, they go on.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._empty_since: float | None = None
        self._in_vain: set[str] = set()

    def is_made_for(self, waiting: set[str], *, by_trials: int) -> bool:
        self._in_vain &= waiting
        hoping = waiting - self._in_vain
        if by_trials or not hoping:
            self._empty_since = None
            return bool(hoping)
        now = self._clock()
        if self._empty_since is None:
            self._empty_since = now
        if now - self._empty_since <= GRACE_SECONDS:
            return True
        self._in_vain |= waiting
        return False


class Ends:
    """Tells the bar and the queue of every trial that ends, and leaves the trace of the lost."""

    def __init__(self, progress: Progress, store: RunStore, queue: Queue) -> None:
        self._progress, self._store, self._queue = progress, store, queue
        self.fatal = ""

    def started(self, bundle: Sequence[str]) -> None:
        self._queue.started(bundle)

    def end(self, outcome: Outcome) -> None:
        self._queue.ended(outcome.trial)
        if outcome.fatal:
            self.fatal = outcome.error
        else:
            self._progress.trial_ended(outcome)

    def check(self) -> None:
        """Raise StoreError when the store can take no more, and AllEndedError at the end."""
        if self.fatal:
            raise StoreError(self.fatal)
        if self._queue.at_end:
            raise AllEndedError

    def worker_died(self, bundle: Sequence[str], trace: str, *, with_node: bool) -> None:
        """What the worker had finished is on disk; the rest waits again, or is given up."""
        recorded = [name for name in bundle if self._store.has_record(name)]
        for name in recorded:
            self.end(Outcome(name))
        unfinished = [name for name in bundle if name not in recorded]
        given_up = self._queue.lost(unfinished, with_node=with_node)
        what = "node was lost" if with_node else "worker process died"
        if again := len(unfinished) - len(given_up):
            self._progress.note(f"a {what}; trials that are started again: {again}")
        for mine, why in given_up:
            self._store.save_failure(mine.id, mine.definition(), why, trace)
            self.end(Outcome(mine.id, why))
