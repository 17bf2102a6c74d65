"""Run a sweep's trials one after the other in this process, without Ray."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from rayal.contracts import TrialData
from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.run.encoding import load_all_trial_data, load_dataset, make_embedding
from rayal.run.failures import PASSING, fail_all
from rayal.run.pruning import NO_PRUNING, Pruner
from rayal.run.signals import raise_if_asked
from rayal.run.worker import run_trials
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, group_by_embeddings
from rayal.sweep.plan import Plan
from rayal.sweep.schema import Resources


def run(
    plan: Plan,
    todo: Sequence[Trial],
    store: RunStore,
    events: Listener,
    pruner: Pruner = NO_PRUNING,
) -> None:
    """Make each embedding, then run the trials that need it, but for those that are spared.

    Raises:
        StoreError: the store can take no more.
    """
    encoder = _Encoder(plan.sweep.resources.pretrain.threads, store, events)
    for trials in group_by_embeddings(todo).values():
        try:
            data = encoder.trial_data(trials[0])
        except PASSING:
            raise
        except BaseException as error:  # noqa: BLE001 - an encoder's failure is that of its trials
            fail_all(trials, store, events, error)
            continue
        for batch in pruner.batches(plan, trials, workers=1):
            if left := pruner.kept(batch):
                pruner.begun(trial.id for trial in left)
                for outcome in _run_batch(left, data, plan.sweep.resources, store, events):
                    pruner.ended(outcome)


class _Encoder:
    """Makes each embedding once in a run; one that failed fails all trials that need it."""

    def __init__(self, threads: int, store: RunStore, events: Listener) -> None:
        self._threads, self._store, self._events = threads, store, events
        self._made: set[str] = set()
        self._errors: dict[str, BaseException] = {}

    def trial_data(self, trial: Trial) -> TrialData:
        """Return what a trial needs, made where it is not there yet."""
        for asking in trial.encodings.values():
            self._make(asking)
        return load_all_trial_data(trial, load_dataset(trial), self._store)

    def _make(self, trial: Trial) -> None:
        key = trial.embedding_id
        if key in self._errors:
            raise self._errors[key]
        if key in self._made:
            return
        started, events = time.monotonic(), self._events
        events.encoding_started(trial)
        try:
            progress = partial(events.encoding_progress, trial)
            make_embedding(trial, self._store, progress, self._threads)
            raise_if_asked()
        except BaseException as error:
            self._errors[key] = error
            raise
        events.encoding_finished(trial, time.monotonic() - started)
        self._made.add(key)


def _run_batch(
    batch: Sequence[Trial],
    data: TrialData,
    resources: Resources,
    store: RunStore,
    events: Listener,
) -> list[Outcome]:
    events.trials_started([trial.id for trial in batch])
    share = resources.of_learner(batch[0].learner.name)
    outcomes = run_trials(batch, data, store, share, alone=True)
    for trial, outcome in zip(batch, outcomes, strict=True):
        if outcome.fatal:
            raise StoreError(outcome.error)
        events.trial_ended(trial, outcome)
    return outcomes
