"""How many CPUs a run may use: those of the machine, less what has been taken from this process.

Ray counts the CPUs of the machine, or the quota at the root of the control groups; it sees neither
the affinity of the process, nor a quota of a group further down, nor what SLURM gave a job. Twice
as many busy workers as CPUs is no failure, but slow. rayal tells Ray how many there are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from rayal.cpus import available_cpus
from rayal.doctor.cgroup import limits
from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request


@dataclass(frozen=True)
class Cpus:
    """CPUs of the machine, and how many of them are for this process.

    affinity: that it may run on; quota: CPU seconds a second, None for no limit; job: that SLURM
    gave, None outside a job.
    """

    machine: int
    affinity: int
    quota: float | None = None
    job: int | None = None

    @property
    def allowed(self) -> int:
        """Whole CPUs, at least one."""
        quota = self.machine if self.quota is None else int(self.quota)
        return max(1, min(self.machine, self.affinity, quota, self.job or self.machine))


def measured_cpus() -> Cpus:
    """Read how many CPUs there are, and how many this process may use."""
    machine = os.cpu_count() or 1
    affinity = available_cpus()
    job = os.environ.get("SLURM_CPUS_ON_NODE" if "SLURM_JOB_ID" in os.environ else "", "")
    return Cpus(machine, affinity, limits().cpus, int(job) if job.isdecimal() else None)


def allowed_cpus() -> int:
    """Whole CPUs that this process may use."""
    return measured_cpus().allowed


def cpus_for_ray(facts: Cpus, request: Request) -> int:
    """The CPUs that a Ray started here is told of.

    As many as the largest piece of work asks for, where the machine has them but not all are for
    this process: its threads then share those that are.
    """
    if request.machine_cpus:
        return request.machine_cpus
    wanted = int(request.cpus)
    return max(facts.allowed, wanted) if wanted <= facts.machine else facts.allowed


def _measure(request: Request) -> Cpus:
    return measured_cpus()


@check("CPUs", _measure)
def _judge(facts: Cpus, request: Request) -> Finding:
    measured, threshold = _counted(facts), f"{request.cpus:g} for the largest piece of work"
    if request.mode != "start" or request.can_grow:
        return Finding("ok", measured, threshold)
    cpus = cpus_for_ray(facts, request)
    if request.cpus > cpus:
        less = f"--set resources.pretrain.cpus={cpus} --set resources.trial.cpus={cpus}"
        return Finding("fails", measured, threshold, less)
    if request.cpus > facts.allowed:
        mend = f"its threads share {facts.allowed}, which is slower"
        return Finding("mended", measured, threshold, mend)
    if facts.allowed < facts.machine and not request.machine_cpus:
        return Finding("mended", measured, threshold, f"Ray is told of {facts.allowed}")
    return Finding("ok", measured, threshold)


def _counted(facts: Cpus) -> str:
    taken = []
    if facts.affinity < facts.machine:
        taken.append(f"affinity {facts.affinity}")
    if facts.quota is not None and facts.quota < facts.machine:
        taken.append(f"quota {facts.quota:g}")
    if facts.job is not None and facts.job < facts.machine:
        taken.append(f"job {facts.job}")
    return f"{facts.allowed} of {facts.machine}" + (f" by {', '.join(taken)}" if taken else "")
