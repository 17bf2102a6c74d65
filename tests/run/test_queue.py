"""Bundles that are given out, lost and given up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from rayal.events import bar as progress
from rayal.events.outcome import Outcome
from rayal.run import queue as work_queue
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore, lock_run
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps
from tests.storage.records import record


@dataclass
class Ready:
    """Encoder stages that are all there."""

    ready: set[str]
    failed: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    fatal: str = ""


class Told(progress.Lines):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True), 0, 0)
        self.told: list[str] = []

    def trial_ended(self, outcome: Outcome) -> None:
        self.told.append(f"{outcome.trial}: {outcome.error}".removesuffix(": "))

    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[RunStore]:
    with lock_run(tmp_path / "run", "small") as store:
        yield store


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(load_sweep(sweeps.write_sweep(tmp_path, strategies=["random"], seeds=8)))


@pytest.fixture
def stages(plan: Plan) -> Ready:
    return Ready({trial.embedding_id for trial in plan.trials})


@pytest.fixture
def queue(plan: Plan, stages: Ready) -> work_queue.Queue:
    quiet = progress.Lines(Console(quiet=True), len(plan.trials), 0)
    return work_queue.Queue(plan, plan.trials, stages, 1, quiet)


def all_given(queue: work_queue.Queue) -> list[list[str]]:
    found = []
    while isinstance(given := queue.next(), dict):
        found.append(cast(list[str], given["bundle"]))
        queue.started(found[-1])
    return found


def test_a_trial_whose_worker_dies_alone_is_given_up_after_four_deaths(
    queue: work_queue.Queue,
) -> None:
    [name, *_] = [trial for bundle in all_given(queue) for trial in bundle]
    for _ in range(work_queue.LOST_WORKERS):
        assert queue.lost([name], with_node=False) == []
        assert all_given(queue) == [[name]]
    [(trial, why)] = queue.lost([name], with_node=False)
    assert trial.id == name
    assert "its worker process died 4 times" in why
    assert all_given(queue) == []


def test_nodes_that_go_are_not_held_against_the_trials_they_had(queue: work_queue.Queue) -> None:
    [name, *_] = [trial for bundle in all_given(queue) for trial in bundle]
    for _ in range(work_queue.LOST_NODES):
        assert queue.lost([name], with_node=True) == []
        assert all_given(queue) == [[name]]
    for _ in range(work_queue.LOST_WORKERS):
        assert queue.lost([name], with_node=False) == []
        assert all_given(queue) == [[name]]
    [(_, why)] = queue.lost([name], with_node=True)
    assert "the node it was on was lost 31 times" in why


def test_a_lost_bundle_comes_back_trial_by_trial(queue: work_queue.Queue, plan: Plan) -> None:
    bundles = all_given(queue)
    assert max(map(len, bundles)) > 1
    everything = [trial for bundle in bundles for trial in bundle]
    assert sorted(everything) == sorted(trial.id for trial in plan.trials)
    queue.lost(everything, with_node=True)
    assert all_given(queue) == [[trial] for trial in everything]


def test_what_a_lost_worker_had_recorded_is_done_and_the_rest_waits_again(
    queue: work_queue.Queue, held: RunStore
) -> None:
    [[first, second, *_], *_] = all_given(queue)
    held.save_record(first, record(first))
    bar = Told()
    ends = work_queue.Ends(bar, held, queue)
    ends.worker_died([first, second], "its node has died", with_node=True)
    assert bar.told == [first, "a node was lost; trials that are started again: 1"]
    assert all_given(queue) == [[second]]


def test_a_trial_that_is_given_up_leaves_its_trace(queue: work_queue.Queue, held: RunStore) -> None:
    [[name, *_], *_] = all_given(queue)
    bar = Told()
    ends = work_queue.Ends(bar, held, queue)
    for _ in range(work_queue.LOST_WORKERS + 1):
        ends.worker_died([name], "the trace of it", with_node=False)
    assert bar.told[-1].startswith(f"{name}: its worker process died 4 times")
    log = held.failure_path(name)
    assert isinstance(log, Path)
    assert "the trace of it" in log.read_text()


def test_the_last_trial_ends_the_run(queue: work_queue.Queue, held: RunStore) -> None:
    ends = work_queue.Ends(Told(), held, queue)
    for trial in [trial for bundle in all_given(queue) for trial in bundle]:
        ends.check()
        ends.end(Outcome(trial))
    with pytest.raises(work_queue.AllEndedError):
        ends.check()


def test_a_full_store_ends_the_run(queue: work_queue.Queue, held: RunStore) -> None:
    ends = work_queue.Ends(Told(), held, queue)
    [[name, *_], *_] = all_given(queue)
    ends.end(Outcome(name, "the disk is full", fatal=True))
    with pytest.raises(StoreError, match="the disk is full"):
        ends.check()


class Clock:
    """Stands still unless it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def end_all(queue: work_queue.Queue, bundle: list[str]) -> None:
    for trial in bundle:
        queue.ended(trial)


def test_trials_make_room_for_a_training_that_was_lost(
    queue: work_queue.Queue, stages: Ready
) -> None:
    first = queue.next()
    assert isinstance(first, dict)
    stages.waiting.add("training")
    assert queue.next() is None
    end_all(queue, first["bundle"])
    assert queue.next() is None
    stages.waiting.clear()  # it has a place
    assert isinstance(queue.next(), dict)


def test_trials_go_on_when_they_have_made_room_in_vain(plan: Plan, stages: Ready) -> None:
    clock = Clock()
    quiet = progress.Lines(Console(quiet=True), 0, 0)
    queue = work_queue.Queue(plan, plan.trials, stages, 1, quiet, clock)
    stages.waiting.add("training")
    assert queue.next() is None
    clock.now += work_queue.GRACE_SECONDS
    assert queue.next() is None
    clock.now += 1
    first, second = queue.next(), queue.next()
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    stages.waiting.add("another")  # lost later: it is given room, too
    assert queue.next() is None
    end_all(queue, [*first["bundle"], *second["bundle"]])
    assert queue.next() is None
    clock.now += work_queue.GRACE_SECONDS + 1
    assert isinstance(queue.next(), dict)
    stages.waiting.clear()
    assert isinstance(queue.next(), dict)
    stages.waiting.add("training")  # lost once more
    assert queue.next() is None
