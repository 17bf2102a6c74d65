"""The trials of a sweep that have not ended, in batches, and what is lost with workers and nodes.

Batches of trials wait for the embedding they need, are given out when it is ready, and come back,
one trial by one, when the worker that held them is lost. What hands them out is the caller's.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from rayal.events.listener import Listener
from rayal.run.pruning import NO_PRUNING, Pruner
from rayal.run.short_trials import ShortTrials
from rayal.sweep.definition import Trial, group_by_embeddings
from rayal.sweep.plan import Plan

WORKER_RETRIES = 3  # times that work is started again after its worker died
NODE_RETRIES = 30  # the same where the node went too, as spot nodes do: no work is to blame
AHEAD = 50  # batches among which others are looked for that go with one: of another learner none
GRACE_SECONDS = 10.0  # for a training to take what the last trials have left


class RetryCounter:
    """Counts how often pieces of work lost the worker they were with."""

    def __init__(self) -> None:
        self._losses: Counter[tuple[str, bool]] = Counter()

    def has_lost(self, work: str) -> bool:
        """Whether a piece of work lost a worker before."""
        return (work, False) in self._losses or (work, True) in self._losses

    def add(self, work: str, *, with_node: bool) -> str:
        """Count one more loss; return why it is one too many to start again, "" where it is not.

        A worker that dies alone may have been killed by its work, which then kills the next. With
        a node much is lost that is not to blame.
        """
        self._losses[work, with_node] += 1
        times = self._losses[work, with_node]
        if times <= (NODE_RETRIES if with_node else WORKER_RETRIES):
            return ""
        if with_node:
            return f"the node it was on was lost {times} times"
        return died_too_often("worker", times)


def died_too_often(process: str, times: int) -> str:
    """Say why work is not started again whose process, as "worker", died so many times."""
    return (
        f"its {process} process died {times} times; the system may have been out of memory, or a "
        "native library crashed"
    )


class EncodingStates(Protocol):
    """How far the embeddings are that trials wait for, by key."""

    @property
    def ready(self) -> set[str]: ...

    @property
    def failed(self) -> set[str]: ...

    @property
    def displaced(self) -> set[str]:
        """Those whose training was lost, and has no place yet to go on."""

    @property
    def fatal(self) -> str:
        """Why the store can take no more; "" while it can."""


class TrialQueue:
    """The trials that have not ended, in batches, by the embeddings they need."""

    def __init__(  # noqa: PLR0913 - the last two have defaults
        self,
        plan: Plan,
        todo: Sequence[Trial],
        encodings: EncodingStates,
        workers: int,
        events: Listener,
        clock: Callable[[], float] = time.monotonic,
        pruner: Pruner = NO_PRUNING,
    ) -> None:
        self.pruner = pruner
        self.trials = {trial.id: trial for trial in todo}
        self._encodings, self._events = encodings, events
        self._waiting = {
            key: deque(
                [trial.id for trial in batch]
                for batch in self.pruner.batches(plan, trials, workers)
            )
            for key, trials in group_by_embeddings(todo).items()
        }
        self._given: set[str] = set()
        self._running: set[str] = set()
        self._retries = RetryCounter()
        self._hold = PreemptionHold(clock)
        self._workers, self._short = workers, ShortTrials()

    @property
    def fatal(self) -> str:
        return self._encodings.fatal

    @property
    def is_exhausted(self) -> bool:
        """Whether no batch is given out, and none will be."""
        failed = self._encodings.failed
        return not self._given and not any(
            failed.isdisjoint(needed) and any(map(self._is_to_run, waiting))
            for needed, waiting in self._waiting.items()
        )

    def _is_to_run(self, batch: Sequence[str]) -> bool:
        """Whether anything of a batch is not spared."""
        return not all(map(self.pruner.is_spared, batch))

    def next_batch(self) -> list[str] | None:
        """Return ids of trials whose embedding is ready, None while or when there are none.

        None, too, while trials that end make room for a training that was lost.
        """
        if self.fatal:
            return None
        if self._hold.is_on(self._encodings.displaced, running=len(self._given)):
            return None
        for needed, waiting in self._waiting.items():
            while waiting and self._encodings.ready.issuperset(needed):
                batch = [name for name in waiting.popleft() if not self.pruner.is_spared(name)]
                if batch:
                    self._add_short(batch, waiting)
                    self._given.update(batch)
                    self.pruner.begun(batch)
                    return batch
        return None

    def _add_short(self, batch: list[str], waiting: deque[list[str]]) -> None:
        """Add batches that come soon while all are short, and no worker goes without."""
        left = len(waiting) // (2 * self._workers) if self.pruner.stops_nothing else 0
        for following in list(islice(waiting, AHEAD)):
            # One that may have killed a worker goes alone, so that it shows.
            suspicious = any(map(self._retries.has_lost, (*batch, *following)))
            if (
                left
                and not suspicious
                and self._short.go_together(self._of(batch), self._of(following))
            ):
                waiting.remove(following)
                batch += following
                left -= 1

    def _of(self, names: Sequence[str]) -> list[Trial]:
        return [self.trials[name] for name in names]

    def took(self, batch: Sequence[str], seconds: float) -> None:
        """A worker took so long for a batch that has ended."""
        self._short.took(self._of(batch), seconds)

    def started(self, batch: Sequence[str]) -> None:
        """A worker has taken a batch up; until then the scheduler holds it ready."""
        self._running.update(batch)
        self._events.trials_started(batch)
        self._events.trials_running(len(self._running))

    def ended(self, trial: str) -> None:
        self._given.discard(trial)
        self._running.discard(trial)
        self._events.trials_running(len(self._running))

    def lost(self, unfinished: Sequence[str], *, with_node: bool) -> list[tuple[Trial, str]]:
        """Take back, one by one, what a worker held that died; return those given up, and why.

        One trial may have killed the worker of its whole batch: alone it will show. It comes last,
        but first where strategies are stopped: there a low seed keeps all later pairs waiting.
        """
        given_up = []
        for name in unfinished if self.pruner.stops_nothing else reversed(unfinished):
            trial = self.trials[name]
            self.ended(name)
            waiting = self._waiting[tuple(trial.encodings)]
            if reason := self._retries.add(name, with_node=with_node):
                given_up.append((trial, reason))
            elif self.pruner.stops_nothing:
                waiting.append([name])
            else:
                waiting.appendleft([name])
        return given_up


class PreemptionHold:
    """Whether trials are held back for a training that was lost and waits for a place.

    Workers keep their place from one trial to the next, and those that wait for a place asked
    before it: the training, on which many trials stand, could wait for the last of all others.
    It may also wait for what no trial has: when it has no place though no trial runs, they go on.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._idle_since: float | None = None
        self._in_vain: set[str] = set()

    def is_on(self, displaced: set[str], *, running: int) -> bool:
        self._in_vain &= displaced
        hopeful = displaced - self._in_vain
        if running or not hopeful:
            self._idle_since = None
            return bool(hopeful)
        now = self._clock()
        if self._idle_since is None:
            self._idle_since = now
        if now - self._idle_since <= GRACE_SECONDS:
            return True
        self._in_vain |= displaced
        return False
