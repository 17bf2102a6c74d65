"""How slow this machine is just now: Ray's services must start within fixed times.

On a machine with more waiting work than CPUs, or a quota of half a CPU, they do not. rayal gives
them as many times longer as there is work waiting for each CPU, and starts Ray again where a time
of Ray's that is fixed (15 s for its agents) was too short all the same.
"""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass

from rayal.doctor.check import check
from rayal.doctor.checks.cpus import Cpus, measured_cpus
from rayal.doctor.finding import Finding
from rayal.doctor.request import STARTED, Request

# What Ray waits for, in its own unit, on a machine that has nothing else to do.
TIME_OUTS = {
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": 300,
    "RAY_gcs_server_port_wait_time_s": 60,
    "RAY_worker_register_timeout_seconds": 120,
    "RAY_gcs_server_request_timeout_seconds": 120,
    "RAY_agent_register_timeout_ms": 120_000,
}
MOST = 5  # times longer: what fails in earnest is to be said within minutes


@dataclass(frozen=True)
class Load:
    """load: work that waits or runs, over the last minute; cpus: CPU seconds a second."""

    load: float
    cpus: float

    @property
    def slowness(self) -> int:
        """How many times longer starting takes than on a quiet machine with a CPU or more."""
        waiting = max(1.0, self.load / self.cpus) / min(1.0, self.cpus)
        return max(1, min(MOST, math.ceil(waiting)))


def current_load() -> Load:
    """Read the load of this machine against the CPUs that this process may use."""
    cpus: Cpus = measured_cpus()
    share = min(cpus.allowed, cpus.quota or cpus.allowed)
    load = 0.0
    with contextlib.suppress(OSError):
        load = os.getloadavg()[0]
    return Load(load * cpus.allowed / cpus.machine, share)


def time_outs(slowness: int) -> dict[str, str]:
    """Settings of Ray that give its services as many times longer to start."""
    return {name: str(slowness * value) for name, value in TIME_OUTS.items()}


def _measure(request: Request) -> Load:
    return current_load()


@check("load", _measure, modes=STARTED)
def _judge(facts: Load, request: Request) -> Finding:
    measured = f"{facts.load:.1f} on {facts.cpus:g} CPUs"
    threshold = "one piece of work for each"
    if facts.slowness == 1:
        return Finding("ok", measured, threshold)
    longer = f"time-outs of Ray's start are {facts.slowness} times longer"
    return Finding("mended", measured, threshold, longer)
