"""Memory: of the machine, and what control groups and limits of the process leave of it.

Ray ends the worker that took most when 95 % are in use, and starts its work again, which then ends
the same way. A limit on address space (`ulimit -v`) counts what is only reserved, as Ray's store
and PyTorch do by gigabytes.
"""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.cgroup import limits
from rayal.doctor.check import check
from rayal.doctor.checks.cpus import allowed_cpus
from rayal.doctor.finding import Finding, State
from rayal.doctor.request import Request
from rayal.doctor.sizes import size

MEMINFO = Path("/proc/meminfo")
SERVICES = 700_000_000  # bytes: the driver and Ray's services
WORKER = 350_000_000  # bytes: one worker with PyTorch, before its work
RAYS_SHARE = 0.3  # of the memory, for Ray's store
LEAST_ADDRESS_SPACE = 5_000_000_000  # bytes a process: with 4 GB Ray's raylet dies, with 12 it runs


@dataclass(frozen=True)
class Memory:
    """In bytes. available: what can still be had; address_space: None for no limit."""

    total: int
    available: int
    address_space: int | None = None
    workers: int = 1


def usable_memory() -> Memory:
    """Read the memory that this process and its children may use."""
    total, available = _machine()
    group = limits()
    if group.memory is not None:
        total = min(total, group.memory)
        available = min(available, max(0, group.memory - group.memory_used))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return Memory(total, available, None if soft == resource.RLIM_INFINITY else soft)


def _machine(file: Path = MEMINFO) -> tuple[int, int]:
    """The memory of the machine in bytes, and what of it is available."""
    with contextlib.suppress(OSError, KeyError):
        lines = (line.split() for line in file.read_text().splitlines())
        kilobytes = {words[0]: int(words[1]) for words in lines}
        return 1024 * kilobytes["MemTotal:"], 1024 * kilobytes["MemAvailable:"]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return total, total


def _measure(request: Request) -> Memory:
    usable = usable_memory()
    cpus = request.machine_cpus or allowed_cpus()
    workers = 1 if request.mode == "local" else max(1, int(cpus / max(request.cpus, 0.01)))
    return Memory(usable.total, usable.available, usable.address_space, workers)


@check("memory", _measure)
def _judge(facts: Memory, request: Request) -> Finding:
    if limited := _judge_address_space(facts, request):
        return limited
    workers = 0 if request.mode == "local" else facts.workers
    needed = SERVICES + workers * WORKER + request.feature_bytes
    measured, threshold = f"{size(facts.available)} available", f"about {size(needed)}"
    if facts.available >= needed:
        return Finding("ok", measured, f"{threshold} for {max(1, workers)} at once")
    fewer = max(1, int((facts.available - SERVICES - request.feature_bytes) / WORKER))
    mend = f"--set resources.machine_cpus={fewer}, or a larger limit (docker run --memory=...)"
    return Finding("warning", measured, f"{threshold} for {max(1, workers)} at once", mend)


def _judge_address_space(facts: Memory, request: Request) -> Finding | None:
    """Judge a limit on address space; None where there is none that matters."""
    store = 0 if request.mode == "local" else int(RAYS_SHARE * facts.total)
    needed = LEAST_ADDRESS_SPACE + store
    if facts.address_space is None or facts.address_space >= needed:
        return None
    certain = facts.address_space < LEAST_ADDRESS_SPACE and request.mode != "local"
    measured = f"address space of {size(facts.address_space)} a process"
    state: State = "fails" if certain else "warning"
    return Finding(state, measured, f"{size(needed)} are reserved", "ulimit -v unlimited")
