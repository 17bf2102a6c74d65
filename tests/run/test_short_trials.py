"""Trials that take less time than handing them out go to a worker together."""

from pathlib import Path

import pytest

from rayal.events.listener import Listener
from rayal.run.pruning import Pruner
from rayal.run.queue import TrialQueue
from rayal.run.short_trials import TOGETHER
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps
from tests.run.batches import all_batches
from tests.run.conftest import Encodings

SEEDS = 24


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Trials of learners that train one by one."""
    file = sweeps.write_sweep(
        tmp_path,
        strategies=["random"],
        learners=["knn", {"name": "knn", "k": 3}],
        budgets=[10],
        seeds=SEEDS,
    )
    return make_plan(load_sweep(file))


def first_took(queue: TrialQueue, plan: Plan, seconds: float) -> None:
    """One trial of each learner has ended, and took so long."""
    for learner in {trial.learner.name for trial in plan.trials}:
        queue.took(
            [trial.id for trial in plan.trials if trial.learner.name == learner][:1], seconds
        )


def sizes(queue: TrialQueue) -> list[int]:
    return [len(batch) for batch in all_batches(queue)]


def test_trials_are_given_out_one_by_one_while_nothing_is_known(queue: TrialQueue) -> None:
    assert set(sizes(queue)) == {1}


def test_short_trials_are_given_out_together(queue: TrialQueue, plan: Plan) -> None:
    first_took(queue, plan, TOGETHER / 4)
    batches = all_batches(queue)
    assert max(map(len, batches)) == 4
    assert sorted(name for batch in batches for name in batch) == sorted(queue.trials)
    for batch in batches:
        assert len({str(queue.trials[name].learner) for name in batch}) == 1


def test_long_trials_are_given_out_one_by_one(queue: TrialQueue, plan: Plan) -> None:
    first_took(queue, plan, TOGETHER)
    assert set(sizes(queue)) == {1}


def test_the_last_trials_are_shared_among_workers(plan: Plan, encodings: Encodings) -> None:
    queue = TrialQueue(plan, plan.trials, encodings, 4, Listener())
    first_took(queue, plan, 0.0)
    given = sizes(queue)
    assert max(given) <= 1 + 2 * SEEDS // 8
    assert given[-4:] == [1, 1, 1, 1]


def test_a_trial_whose_worker_died_goes_alone(queue: TrialQueue, plan: Plan) -> None:
    first_took(queue, plan, 0.0)
    lost = [name for batch in all_batches(queue) for name in batch]
    queue.lost(lost, with_node=False)
    assert sizes(queue) == [1] * len(lost)


def test_where_strategies_may_be_stopped_none_goes_ahead(plan: Plan, encodings: Encodings) -> None:
    class Stopping(Pruner):
        stops_nothing = False

    queue = TrialQueue(plan, plan.trials, encodings, 1, Listener(), pruner=Stopping())
    first_took(queue, plan, 0.0)
    assert set(sizes(queue)) == {1}
