"""What a worker does, with Ray or without: run trials and write their records."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from rayal import trial as trials
from rayal.contracts import TrialData
from rayal.events.outcome import Outcome
from rayal.run.batching import run_interleaved
from rayal.run.environment import computed_with
from rayal.run.failures import PASSING, error_message, error_trace
from rayal.run.full_disk import full_disk_is_fatal
from rayal.run.gpus import retried, take_share
from rayal.run.threads import limit_threads
from rayal.storage.files import StoreError
from rayal.storage.formats import Record, make_record, rows_of
from rayal.storage.run import RunStore
from rayal.sweep.contents import check_trial_unchanged
from rayal.sweep.definition import Trial
from rayal.sweep.schema import Share
from rayal.trial import TrialCoroutine


def run_trials(
    batch: Sequence[Trial], data: TrialData, store: RunStore, share: Share, *, alone: bool = False
) -> list[Outcome]:
    """Run trials with the same learner, each from its last finished round.

    Each leaves a record, or a failure with its traceback. A trial that another worker, given up
    for lost, has finished meanwhile is not run again.

    alone: whether this process takes what GPUs there are, whatever its share is.
    """
    gpus = None if alone else share.gpus
    with limit_threads(share.threads):
        trials = [_run(trial, data, store, gpus) for trial in batch]
        return run_interleaved(batch[0].learner, trials)


def _run(
    trial: Trial, data: TrialData, store: RunStore, gpus: float | None
) -> TrialCoroutine[Outcome]:
    try:
        if gpus is not None:
            take_share(gpus)
        warned = yield from retried(lambda: _record_trial(trial, data, store))
    except StoreError as error:
        return Outcome(trial.id, str(error), fatal=True)
    except PASSING:
        raise
    except GeneratorExit as error:
        if _is_of_closing(error):
            raise
        return keep_failure(trial, store, error)
    except BaseException as error:  # noqa: BLE001 - what a component raises is its trial's failure
        return keep_failure(trial, store, error)
    return Outcome(trial.id, warnings=warned)


def _record_trial(
    trial: Trial, data: TrialData, store: RunStore
) -> TrialCoroutine[tuple[str, ...]]:
    """Run a trial and keep its record; return what its strategies warned of."""
    with full_disk_is_fatal(store):
        if store.has_record(trial.id):
            return ()
        check_trial_unchanged(trial)
        earlier = store.record_in_progress(trial.id, trial.definition())
        rows = yield from trials.rounds(
            trial,
            data,
            rows=rows_of(earlier) if earlier else None,
            keep=lambda rows: store.save_in_progress(trial.id, _record(trial, rows)),
        )
        store.save_record(trial.id, _record(trial, rows))
    return tuple(dict.fromkeys(text for row in rows for text in row.get("warnings", ())))


def _is_of_closing(error: GeneratorExit) -> bool:
    """Whether the trial is given up at a point where it waits, and no component raised it.

    Closing raises at the point where this module waits, and nowhere deeper: what it waits for has
    been closed before.
    """
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def keep_failure(trial: Trial, store: RunStore, error: BaseException) -> Outcome:
    """Leave what a trial failed by, unless it has a record; return how it ended."""
    message = error_message(error)
    try:
        if store.has_record(trial.id):
            return Outcome(trial.id)
        store.save_failure(trial.id, trial.definition(), message, error_trace(error))
    except StoreError as full:
        return Outcome(trial.id, str(full), fatal=True)
    return Outcome(trial.id, message)


def _record(trial: Trial, rows: list[trials.Row]) -> Record:
    return make_record(trial.id, trial.definition(), computed_with(), socket.gethostname(), rows)
