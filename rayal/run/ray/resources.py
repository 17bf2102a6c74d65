"""What a cluster's nodes can give, against what a sweep asks for."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rayal.run.ray.errors import ClusterError
from rayal.sweep.definition import Trial
from rayal.sweep.schema import Resources, Share

if TYPE_CHECKING:
    from ray.tune import PlacementGroupFactory

NodeResources = Mapping[str, float]  # as Ray names them: "CPU", "GPU", ...


def alive_nodes() -> list[NodeResources]:
    """What each node of the cluster has."""
    import ray

    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return [node["Resources"] for node in nodes if node["Alive"]]


def check_resources(nodes: Sequence[NodeResources], resources: Resources) -> None:
    """Refuse what no node can give, of those there are or can be, before anything is placed.

    Raises:
        ClusterError: the largest node has less than a stage asks for.
    """
    possible = list(nodes)
    if grown := resources.autoscale:
        possible.append({"CPU": grown.cpus, "GPU": grown.gpus})
    stages: dict[str, Share] = {"pretrain": resources.pretrain, "trial": resources.trial}
    stages |= {f"trials_of.{name}": share for name, share in resources.trials_of.items()}
    for stage, share in stages.items():
        for name, wanted in (("CPU", share.cpus), ("GPU", share.gpus)):
            most = max((node.get(name, 0) for node in possible), default=0)
            if wanted > most:
                raise ClusterError(_too_much(stage, name, wanted, most))


def _too_much(stage: str, name: str, wanted: float, most: float) -> str:
    option = f"resources.{stage}.{name.lower()}s={most:g}"
    less = f"ask for less, --set {option}, or " if most or name == "GPU" else ""
    return (
        f"resources: {stage} asks for {wanted:g} {name}s and the largest node has {most:g}; {less}"
        "say what the nodes have that the cluster starts on demand: "
        "--set resources.autoscale.cpus=4 --set resources.autoscale.gpus=1"
    )


def count_workers(nodes: Sequence[NodeResources], resources: Resources) -> int:
    """How many trials run at once on the cluster, as it is or as it can grow.

    Where learners take different shares: as many as of the smallest.
    """
    grown = resources.autoscale
    cpus, gpus = (sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU"))
    if grown:
        cpus, gpus = max(cpus, grown.nodes * grown.cpus), max(gpus, grown.nodes * grown.gpus)
    slots = (
        min(math.floor(cpus / share.cpus), _slots(gpus, share.gpus))
        for share in resources.trial_shares
    )
    return max(1, *slots)


def _slots(gpus: float, wanted: float) -> int:
    """How many pieces of work have room on GPUs: a share of one lies on a single card."""
    if not wanted:
        return sys.maxsize
    return math.floor(gpus) * math.floor(1 / wanted) if wanted < 1 else math.floor(gpus / wanted)


def trial_resources(
    resources: Resources, trials: Mapping[str, Trial]
) -> Callable[[Mapping[str, Any]], PlacementGroupFactory]:
    """Return what Tune asks for a batch (ids under "batch"): all its trials have one learner."""
    from ray.tune import PlacementGroupFactory

    def of_batch(config: Mapping[str, Any]) -> PlacementGroupFactory:
        share = resources.of_learner(trials[config["batch"][0]].learner.name)
        return PlacementGroupFactory([{"CPU": share.cpus, "GPU": share.gpus}])

    return of_batch


def idle_gpus(nodes: Sequence[NodeResources], resources: Resources) -> str:
    """Return how to use GPUs that no stage asks for; "" where there are none or one does."""
    shares = [resources.pretrain, *resources.trial_shares]
    if not any(node.get("GPU", 0) for node in nodes) or any(share.gpus for share in shares):
        return ""
    return (
        "there is a GPU, and no stage asks for one: all is computed on CPUs; to train encoders on "
        "it: --set resources.pretrain.gpus=1"
    )
