"""How many processes and threads this user, or its container, may have: Ray has many threads."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from rayal.doctor.cgroup import limits
from rayal.doctor.check import check
from rayal.doctor.checks.cpus import allowed_cpus
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request

SERVICES = 500  # threads of the driver and of Ray's services
WORKER = 80  # threads of a worker


@dataclass(frozen=True)
class Processes:
    """What is allowed, None for no limit; cpus: of this process."""

    user: int | None
    group: int | None
    cpus: int


def _measure(request: Request) -> Processes:
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    user = None if soft == resource.RLIM_INFINITY else soft
    return Processes(user, limits().tasks, request.machine_cpus or allowed_cpus())


@check("processes", _measure, modes=("start", "node"))
def _judge(facts: Processes, request: Request) -> Finding:
    needed = SERVICES + WORKER * facts.cpus
    threshold = f"about {needed:,} threads"
    bounds = {"the user": facts.user, "the control group": facts.group}
    limits = {whose: most for whose, most in bounds.items() if most is not None}
    if not limits:
        return Finding("ok", "no limit", threshold)
    whose, least = min(limits.items(), key=lambda pair: pair[1])
    measured = f"{least:,} for {whose}"
    if least >= needed:
        return Finding("ok", measured, threshold)
    raised = (
        f"ulimit -u {4 * needed}"
        if whose == "the user"
        else f"docker run --pids-limit={4 * needed}"
    )
    return Finding("warning", measured, threshold, f"{raised}, or use --local")
