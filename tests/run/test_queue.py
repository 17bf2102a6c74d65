"""Batches that are given out, lost and given up."""

from pathlib import Path

import pytest

from rayal.events.listener import Listener
from rayal.run.queue import GRACE_SECONDS, NODE_RETRIES, WORKER_RETRIES, TrialQueue
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps
from tests.run.batches import all_batches
from tests.run.conftest import Encodings


def test_a_trial_whose_worker_dies_alone_is_given_up_after_four_deaths(queue: TrialQueue) -> None:
    [name, *_] = [trial for batch in all_batches(queue) for trial in batch]
    for _ in range(WORKER_RETRIES):
        assert queue.lost([name], with_node=False) == []
        assert all_batches(queue) == [[name]]
    [(trial, reason)] = queue.lost([name], with_node=False)
    assert trial.id == name
    assert "its worker process died 4 times" in reason
    assert all_batches(queue) == []


def test_nodes_that_go_are_not_held_against_the_trials_they_had(queue: TrialQueue) -> None:
    [name, *_] = [trial for batch in all_batches(queue) for trial in batch]
    for _ in range(NODE_RETRIES):
        assert queue.lost([name], with_node=True) == []
        assert all_batches(queue) == [[name]]
    for _ in range(WORKER_RETRIES):
        assert queue.lost([name], with_node=False) == []
        assert all_batches(queue) == [[name]]
    [(_, reason)] = queue.lost([name], with_node=True)
    assert "the node it was on was lost 31 times" in reason


def test_a_lost_batch_comes_back_trial_by_trial(queue: TrialQueue, plan: Plan) -> None:
    batches = all_batches(queue)
    assert max(map(len, batches)) > 1
    everything = [trial for batch in batches for trial in batch]
    assert sorted(everything) == sorted(trial.id for trial in plan.trials)
    queue.lost(everything, with_node=True)
    assert all_batches(queue) == [[trial] for trial in everything]


def test_trials_of_a_failed_encoding_are_not_waited_for(
    queue: TrialQueue, encodings: Encodings
) -> None:
    assert not queue.is_exhausted
    encodings.failed |= encodings.ready
    encodings.ready.clear()
    assert queue.next_batch() is None
    assert queue.is_exhausted


def test_a_full_store_gives_nothing_out_any_more(queue: TrialQueue, encodings: Encodings) -> None:
    encodings.fatal = "the disk is full"
    assert queue.next_batch() is None
    assert queue.fatal == "the disk is full"


class Clock:
    """Stands still unless it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def end_all(queue: TrialQueue, batch: list[str]) -> None:
    for trial in batch:
        queue.ended(trial)


def test_trials_make_room_for_a_training_that_was_lost(
    queue: TrialQueue, encodings: Encodings
) -> None:
    first = queue.next_batch()
    assert first
    encodings.displaced.add("training")
    assert queue.next_batch() is None
    end_all(queue, first)
    assert queue.next_batch() is None
    encodings.displaced.clear()  # it has a place
    assert queue.next_batch()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed_queue(plan: Plan, encodings: Encodings, clock: Clock) -> TrialQueue:
    return TrialQueue(plan, plan.trials, encodings, 1, Listener(), clock)


def test_trials_go_on_when_they_have_made_room_in_vain(
    timed_queue: TrialQueue, encodings: Encodings, clock: Clock
) -> None:
    queue = timed_queue
    encodings.displaced.add("training")
    assert queue.next_batch() is None
    clock.now += GRACE_SECONDS
    assert queue.next_batch() is None
    clock.now += 1
    first, second = queue.next_batch(), queue.next_batch()
    assert first
    assert second
    encodings.displaced.add("another")  # lost later: it is given room, too
    assert queue.next_batch() is None
    end_all(queue, [*first, *second])
    assert queue.next_batch() is None
    clock.now += GRACE_SECONDS + 1
    assert queue.next_batch()
    encodings.displaced.clear()
    assert queue.next_batch()
    encodings.displaced.add("training")  # lost once more
    assert queue.next_batch() is None


def test_a_trial_waits_for_every_embedding_that_it_needs(tmp_path: Path) -> None:
    network = {"name": "random", "backbone": "small_cnn"}
    strategies = ["kmeans", {"name": "kmeans", "select_on": network}]
    changes = {"strategies": strategies, "seeds": 1, "budgets": [10]}
    plan = make_plan(load_sweep(sweeps.write_sweep(tmp_path, **changes)))
    plain, crossed = plan.trials
    own, other = crossed.encodings
    encodings = Encodings({own})
    queue = TrialQueue(plan, plan.trials, encodings, 1, Listener())
    assert queue.next_batch() == [plain.id]
    assert queue.next_batch() is None
    encodings.ready.add(other)
    assert queue.next_batch() == [crossed.id]
    queue.lost([crossed.id], with_node=True)
    queue.ended(plain.id)
    encodings.ready.discard(other)
    assert queue.next_batch() is None
    assert not queue.is_exhausted
    encodings.failed.add(other)
    assert queue.is_exhausted
