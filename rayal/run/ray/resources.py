"""What a cluster's nodes can give, against what a sweep asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rayal.run.ray.errors import ClusterError
from rayal.sweep.file import Resources, Share

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
    """How many trials run at once on the cluster, as it is or as it can grow."""
    share, grown = resources.trial, resources.autoscale
    cpus, gpus = (sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU"))
    if grown:
        cpus, gpus = max(cpus, grown.nodes * grown.cpus), max(gpus, grown.nodes * grown.gpus)
    return max(1, math.floor(min(cpus / share.cpus, gpus / share.gpus if share.gpus else math.inf)))
