"""What the Ray layer decides by itself, without a Ray."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from rayal import cluster, config, progress
from rayal.plan import Plan, make_plan
from tests import sweeps


@dataclass
class Ready:
    """Encoder stages that are all there."""

    ready: set[str]
    failed: set[str] = field(default_factory=set)
    fatal: str = ""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(config.load(sweeps.write_sweep(tmp_path, strategies=["random"], seeds=8)))


@pytest.fixture
def queue(plan: Plan) -> cluster._Queue:
    stages: Any = Ready({trial.artefact for trial in plan.trials})
    quiet = progress.Lines(Console(quiet=True), len(plan.trials), 0)
    return cluster._Queue(plan, plan.trials, stages, 1, quiet)


def all_given(queue: cluster._Queue) -> list[list[str]]:
    found = []
    while isinstance(given := queue.next(), dict):
        found.append(cast(list[str], given["bundle"]))
        queue.started(found[-1])
    return found


def test_a_trial_whose_worker_dies_alone_is_given_up_after_four_deaths(
    queue: cluster._Queue,
) -> None:
    [name, *_] = [trial for bundle in all_given(queue) for trial in bundle]
    for _ in range(cluster.LOST_WORKERS):
        assert queue.lost([name], with_node=False) == []
        assert all_given(queue) == [[name]]
    [(trial, why)] = queue.lost([name], with_node=False)
    assert trial.id == name
    assert "its worker process died 4 times" in why
    assert all_given(queue) == []


def test_nodes_that_go_are_not_held_against_the_trials_they_had(queue: cluster._Queue) -> None:
    [name, *_] = [trial for bundle in all_given(queue) for trial in bundle]
    for _ in range(cluster.LOST_NODES):
        assert queue.lost([name], with_node=True) == []
        assert all_given(queue) == [[name]]
    for _ in range(cluster.LOST_WORKERS):
        assert queue.lost([name], with_node=False) == []
        assert all_given(queue) == [[name]]
    [(_, why)] = queue.lost([name], with_node=True)
    assert "the node it was on was lost 31 times" in why


def test_a_lost_bundle_comes_back_trial_by_trial(queue: cluster._Queue, plan: Plan) -> None:
    bundles = all_given(queue)
    assert max(map(len, bundles)) > 1
    everything = [trial for bundle in bundles for trial in bundle]
    assert sorted(everything) == sorted(trial.id for trial in plan.trials)
    queue.lost(everything, with_node=True)
    assert all_given(queue) == [[trial] for trial in everything]


@pytest.mark.parametrize(
    ("trace", "with_node"),
    [
        ("The actor died because its node has died. Node Id: 67184a53", True),
        ("The actor is temporarily unavailable: RpcError: RPC error: Socket closed", True),
        ("The actor is dead because its worker process has died. Worker exit type: OOM", False),
        ("no trace was left", False),
    ],
)
def test_what_is_lost_with_a_node_is_told_from_a_worker_that_dies_alone(
    trace: str, with_node: bool
) -> None:
    assert cluster._went_with_its_node(trace) == with_node
