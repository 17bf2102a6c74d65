"""/dev/shm, where Ray keeps what workers share: images and features of each dataset.

A container has 64 MB of it unless more is asked for. Ray takes three tenths of the memory for its
store; where /dev/shm is smaller it goes to a disk, or refuses to start where the store is to be
larger than 10 GB. rayal asks for a store that fits, or for one on the disk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.checks.memory import RAYS_SHARE, usable_memory
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request
from rayal.doctor.sizes import size

SHARED_MEMORY = Path("/dev/shm")
LEAST_STORE = 80_000_000  # bytes; Ray refuses less than 75 MiB
STORE_ON_DISK = 2_000_000_000  # bytes that a store on the disk may take, more where features do
FILLED = 0.9  # of /dev/shm: other programs use it too
SPARE = 1.5  # times the features: those that are being written are there twice


@dataclass(frozen=True)
class SharedMemory:
    """Free bytes of /dev/shm, None where there is none; usable bytes of memory."""

    free: int | None
    memory: int


@dataclass(frozen=True)
class StorePlan:
    """What Ray is asked for: bytes, None for its own default; on_disk: not in /dev/shm."""

    size: int | None
    on_disk: bool


def measured_shared_memory() -> SharedMemory:
    """Read how large /dev/shm is."""
    memory = usable_memory().total
    if not SHARED_MEMORY.is_dir() or not os.access(SHARED_MEMORY, os.W_OK):
        return SharedMemory(None, memory)
    mounted = os.statvfs(SHARED_MEMORY)
    return SharedMemory(mounted.f_bavail * mounted.f_frsize, memory)


def plan_store(facts: SharedMemory, feature_bytes: int) -> StorePlan:
    """Say how large Ray's store is to be, and where it lies."""
    if facts.free is None:
        return StorePlan(None, on_disk=False)  # macOS: Ray uses a disk by itself
    if facts.free >= RAYS_SHARE * facts.memory:
        return StorePlan(None, on_disk=False)
    fits = int(FILLED * facts.free)
    if fits >= max(LEAST_STORE, SPARE * feature_bytes):
        return StorePlan(fits, on_disk=False)
    return StorePlan(int(max(STORE_ON_DISK, 2 * feature_bytes)), on_disk=True)


def _measure(request: Request) -> SharedMemory:
    return measured_shared_memory()


@check("/dev/shm", _measure, modes=("start", "node"))
def _judge(facts: SharedMemory, request: Request) -> Finding:
    if facts.free is None:
        return Finding("ok", "no /dev/shm", "Ray's store lies on a disk here")
    needed = max(LEAST_STORE, int(SPARE * request.feature_bytes))
    measured, threshold = f"{size(facts.free)} free", f"{size(needed)} for what workers share"
    plan = plan_store(facts, request.feature_bytes)
    larger = f"docker run --shm-size={_suggested(facts, needed)}g"
    if not plan.on_disk:
        return Finding("ok", measured, threshold)
    if request.mode == "node":
        return Finding("warning", measured, threshold, larger)
    mend = f"Ray's store goes to the disk for temporary files, which is slower ({larger})"
    return Finding("mended", measured, threshold, mend)


def _suggested(facts: SharedMemory, needed: int) -> int:
    return max(1, round(max(needed, RAYS_SHARE * facts.memory) / 2**30))
