"""What is told of trials that end, are lost and are given up."""

from pathlib import Path

import pytest

from rayal.events.outcome import Outcome
from rayal.run.queue import WORKER_RETRIES, TrialQueue
from rayal.run.trial_events import AllTrialsDoneError, TrialEvents
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from tests.events.recorder import Recorder
from tests.run.batches import all_batches
from tests.storage.records import record


def test_what_a_lost_worker_had_recorded_is_done_and_the_rest_waits_again(
    queue: TrialQueue, store: RunStore
) -> None:
    [[first, second, *_], *_] = all_batches(queue)
    store.save_record(first, record(first))
    display = Recorder()
    events = TrialEvents(display, store, queue)
    events.worker_died([first, second], "its node has died", with_node=True)
    assert display.outcomes == [Outcome(first)]
    assert display.messages == ["a node was lost; trials that are started again: 1"]
    assert all_batches(queue) == [[second]]


def test_a_trial_that_is_given_up_leaves_its_trace(queue: TrialQueue, store: RunStore) -> None:
    [[name, *_], *_] = all_batches(queue)
    display = Recorder()
    events = TrialEvents(display, store, queue)
    for _ in range(WORKER_RETRIES + 1):
        events.worker_died([name], "the trace of it", with_node=False)
    assert display.outcomes[-1].trial == name
    assert display.outcomes[-1].error.startswith("its worker process died 4 times")
    log = store.failure_path(name)
    assert isinstance(log, Path)
    assert "the trace of it" in log.read_text()


def test_the_last_trial_ends_the_run(queue: TrialQueue, store: RunStore) -> None:
    events = TrialEvents(Recorder(), store, queue)
    for trial in [trial for batch in all_batches(queue) for trial in batch]:
        events.raise_at_end()
        events.ended(Outcome(trial))
    with pytest.raises(AllTrialsDoneError):
        events.raise_at_end()


def test_a_full_store_ends_the_run(queue: TrialQueue, store: RunStore) -> None:
    events = TrialEvents(Recorder(), store, queue)
    [[name, *_], *_] = all_batches(queue)
    events.ended(Outcome(name, "the disk is full", fatal=True))
    with pytest.raises(StoreError, match="the disk is full"):
        events.raise_at_end()
