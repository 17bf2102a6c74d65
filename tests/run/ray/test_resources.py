from typing import Any

import pytest

from rayal.run.ray.errors import ClusterError
from rayal.run.ray.resources import check_resources, count_workers
from rayal.sweep.file import Resources

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
