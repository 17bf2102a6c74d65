"""Room on the disk for Ray's temporary files.

Ray puts nothing more on a disk that is filled to 95 %, which on a large one leaves a lot unused.
rayal lets it go on until a gigabyte is left.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.checks.sockets import LEAST_FREE, short_folder
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request
from rayal.doctor.sizes import size
from rayal.storage import reachable

RAYS_LIMIT = 0.95  # share of a disk in use from which Ray writes nothing more
KEPT_FREE = 1_000_000_000  # bytes


@dataclass(frozen=True)
class Disk:
    """The disk under a folder, in bytes."""

    folder: Path
    total: int
    free: int
    is_writable: bool = True

    @property
    def filled(self) -> float:
        """The share of the disk that is in use."""
        return 1 - self.free / max(1, self.total)


def disk_under(folder: Path) -> Disk:
    """Measure the disk under a folder, or under the nearest one above it that is there."""
    existing = folder.absolute()
    while not reachable.exists(existing):
        existing = existing.parent
    mounted = os.statvfs(existing)
    unit = mounted.f_frsize
    writable = os.access(existing, os.W_OK | os.X_OK) and not mounted.f_flag & os.ST_RDONLY
    return Disk(folder, mounted.f_blocks * unit, mounted.f_bavail * unit, writable)


def capacity_threshold(disk: Disk) -> float:
    """The share of a disk in use up to which Ray may write."""
    return max(RAYS_LIMIT, 1 - KEPT_FREE / max(1, disk.total))


def _measure(request: Request) -> Disk | None:
    folder = short_folder()
    return disk_under(folder) if folder else None


@check("disk of Ray", _measure, modes=("start", "node"))
def _judge(facts: Disk | None, request: Request) -> Finding:
    threshold = f"{size(LEAST_FREE)}"
    if facts is None:
        return Finding("ok", "no folder for it", "see sockets")
    measured = f"{size(facts.free)} free in {facts.folder}, {100 * facts.filled:.0f} % in use"
    if facts.free < LEAST_FREE:
        mend = f"free some in {facts.folder}, or export TMPDIR=/a/larger/disk"
        return Finding("warning", measured, threshold, mend)
    if facts.filled > RAYS_LIMIT and request.mode == "node":
        return Finding(
            "warning", measured, f"{100 * RAYS_LIMIT:.0f} %", f"free some in {facts.folder}"
        )
    if facts.filled > RAYS_LIMIT:
        mend = f"Ray writes until {size(KEPT_FREE)} are left, not until {100 * RAYS_LIMIT:.0f} %"
        return Finding("mended", measured, threshold, mend)
    return Finding("ok", measured, threshold)
