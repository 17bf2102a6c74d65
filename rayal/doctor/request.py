"""What a run asks of the machine, which its checks hold against what there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# start: a Ray of our own; join: a cluster that runs; local: no Ray; node: a machine of a cluster.
Mode = Literal["start", "join", "local", "node"]
STARTED: tuple[Mode, ...] = ("start",)
HERE: tuple[Mode, ...] = ("start", "join", "local")  # where rayal can mend the process itself


@dataclass(frozen=True)
class Request:
    """A run as the checks know it; the defaults are those of `rayal doctor` without a sweep.

    cpus: of the largest piece of work; machine_cpus: that a Ray started here may use, 0 for all;
    gpus: of the largest piece of work, 0 where nothing asks for one. feature_bytes: that workers
    share, at the least. out: where results go; None for an object store. disk_bytes: that the run
    writes there, at the least. can_grow: the cluster starts nodes of its own.
    """

    mode: Mode = "start"
    cpus: float = 1
    machine_cpus: int = 0
    gpus: float = 0
    feature_bytes: int = 0
    disk_bytes: int = 0
    out: Path | None = None
    can_grow: bool = False
