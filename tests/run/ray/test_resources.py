from pathlib import Path
from typing import Any

import pytest

from rayal.run.ray.errors import ClusterError
from rayal.run.ray.resources import (
    check_resources,
    count_workers,
    idle_gpus,
    trial_resources,
)
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from rayal.sweep.schema import Resources, Share
from tests import sweeps

HALF = Share(cpus=0.5)

HEAD_ALONE = [{"CPU": 0.0, "memory": 1.0}]


def test_a_cluster_of_a_head_alone_is_taken_for_what_it_can_grow_to() -> None:
    asked: dict[str, Any] = {
        "pretrain": {"cpus": 4, "gpus": 1},
        "trial": {"cpus": 1, "gpus": 0.25},
    }
    with pytest.raises(ClusterError, match=r"--set resources\.autoscale\.cpus"):
        check_resources(HEAD_ALONE, Resources.model_validate(asked))
    asked["autoscale"] = {"nodes": 8, "cpus": 4, "gpus": 1}
    resources = Resources.model_validate(asked)
    check_resources(HEAD_ALONE, resources)
    assert count_workers(HEAD_ALONE, resources) == 32
    asked["trial"]["gpus"] = 2
    with pytest.raises(ClusterError, match="trial asks for 2 GPUs"):
        check_resources(HEAD_ALONE, Resources.model_validate(asked))


def test_workers_are_as_many_as_cpus_or_gpus_allow() -> None:
    nodes = [{"CPU": 8.0, "GPU": 1.0}, {"CPU": 8.0}]
    half_a_gpu = Resources.model_validate({"trial": {"cpus": 1, "gpus": 0.5}})
    assert count_workers(nodes, half_a_gpu) == 2
    assert count_workers(nodes, Resources.model_validate({"trial": {"cpus": 3}})) == 5


def test_a_share_of_a_gpu_lies_on_one_card() -> None:
    nodes = [{"CPU": 64.0, "GPU": 2.0}]
    for gpus, workers in ((0.4, 4), (0.5, 4), (1, 2), (2, 1)):
        resources = Resources.model_validate({"trial": {"cpus": 1, "gpus": gpus}})
        assert count_workers(nodes, resources) == workers


SHARES = Resources.model_validate(
    {"trial": {"cpus": 2, "gpus": 0.5}, "trials_of": {"linear": {"cpus": 1}}}
)


def test_trials_of_a_learner_may_take_another_share(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, learners=["linear", "knn"], strategies=["random"])
    trials = {trial.id: trial for trial in make_plan(load_sweep(sweep)).trials}
    asked = trial_resources(SHARES, trials)
    for trial in trials.values():
        wanted = {"CPU": 1} if trial.learner.name == "linear" else {"CPU": 2, "GPU": 0.5}
        assert asked({"batch": [trial.id]}).required_resources == wanted
    assert count_workers([{"CPU": 8.0, "GPU": 1.0}], SHARES) == 8
    with pytest.raises(ClusterError, match=r"trials_of\.linear asks for 1 CPUs"):
        check_resources(
            [{"CPU": 0.5}], Resources(pretrain=HALF, trial=HALF, trials_of={"linear": Share()})
        )


def test_a_gpu_that_nothing_asks_for_is_pointed_out() -> None:
    nodes = [{"CPU": 8.0, "GPU": 1.0}]
    assert "--set resources.pretrain.gpus=1" in idle_gpus(nodes, Resources())
    assert idle_gpus(nodes, SHARES) == ""
    assert idle_gpus([{"CPU": 8.0}], Resources()) == ""
