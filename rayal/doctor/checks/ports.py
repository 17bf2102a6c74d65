"""Ports: Ray's services and workers take free ones of the system's range.

Nothing of a Ray that rayal starts has a fixed port: two sweeps may start in the same second.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.checks.cpus import allowed_cpus
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TABLE = Path("/proc/net/tcp")
USUAL = (32_768, 60_999)
SERVICES, WORKER = 50, 10  # ports


@dataclass(frozen=True)
class Ports:
    """The range that free ports are taken from, those in use there, and CPUs of this process."""

    first: int
    last: int
    used: int
    cpus: int


def _measure(request: Request) -> Ports:
    first, last = USUAL
    with contextlib.suppress(OSError, ValueError):
        first, last = map(int, RANGE.read_text().split())
    used: set[int] = set()
    with contextlib.suppress(OSError):
        local = (line.split()[1] for line in TABLE.read_text().splitlines()[1:])
        used = {int(address.rpartition(":")[2], 16) for address in local}
    busy = sum(first <= port <= last for port in used)
    return Ports(first, last, busy, request.machine_cpus or allowed_cpus())


@check("ports", _measure, modes=("start", "node"))
def _judge(facts: Ports, request: Request) -> Finding:
    free = facts.last - facts.first + 1 - facts.used
    needed = SERVICES + WORKER * facts.cpus
    measured, threshold = f"{free:,} free from {facts.first} to {facts.last}", f"about {needed:,}"
    if free < needed:
        mend = f'sysctl -w net.ipv4.ip_local_port_range="{USUAL[0]} {USUAL[1]}"'
        return Finding("warning", measured, threshold, mend)
    return Finding("ok", measured, threshold)
