"""Run a sweep's trials one after the other in this process, without Ray."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from rayal.contracts import TrialData
from rayal.events.listener import Listener
from rayal.run.encoding import load_dataset, load_trial_data, make_embedding
from rayal.run.failures import PASSING, fail_all
from rayal.run.worker import run_trials
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, group_by_embedding
from rayal.sweep.plan import Plan
from rayal.sweep.schema import Resources


def run(plan: Plan, todo: Sequence[Trial], store: RunStore, events: Listener) -> None:
    """Make each embedding, then run the trials that need it.

    Raises:
        StoreError: the store can take no more.
    """
    for trials in group_by_embedding(todo).values():
        try:
            data = _encode(trials[0], plan.sweep.resources.pretrain.threads, store, events)
        except PASSING:
            raise
        except BaseException as error:  # noqa: BLE001 - an encoder's failure is that of its trials
            fail_all(trials, store, events, error)
            continue
        for batch in plan.batches(trials, workers=1):
            _run_batch(batch, data, plan.sweep.resources, store, events)


def _encode(trial: Trial, threads: int, store: RunStore, events: Listener) -> TrialData:
    started = time.monotonic()
    events.encoding_started(trial)
    make_embedding(trial, store, partial(events.encoding_progress, trial), threads)
    data = load_trial_data(trial, load_dataset(trial), store)
    events.encoding_finished(trial, time.monotonic() - started)
    return data


def _run_batch(
    batch: Sequence[Trial],
    data: TrialData,
    resources: Resources,
    store: RunStore,
    events: Listener,
) -> None:
    events.trials_started([trial.id for trial in batch])
    share = resources.of_learner(batch[0].learner.name)
    outcomes = run_trials(batch, data, store, share, alone=True)
    for trial, outcome in zip(batch, outcomes, strict=True):
        if outcome.fatal:
            raise StoreError(outcome.error)
        events.trial_ended(trial, outcome)
