"""What the control groups of this process allow it (Linux, versions 1 and 2): CPUs, memory, tasks.

A group is bound by its own limits and by those of all groups above it. In a container the group of
the process often lies at the root of what is mounted, so that files at the root are read, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNLIMITED = 2**60  # version 1 writes "no limit" of memory as a number of about 2^63


@dataclass(frozen=True)
class Limits:
    """None where there is no limit. cpus: CPU seconds a second; memory: bytes."""

    cpus: float | None = None
    memory: int | None = None
    memory_used: int = 0
    tasks: int | None = None


def limits(root: Path = Path("/")) -> Limits:
    """Read the limits of this process; root: of the file system that holds /proc and /sys."""
    mounted = root / "sys" / "fs" / "cgroup"
    groups = _groups(root / "proc" / "self" / "cgroup")
    unified = [mounted / "unified", mounted]  # hybrid, or version 2 alone
    cpu = [*_folders(unified, groups.get("", "/")), *_folders([mounted / "cpu"], groups.get("cpu"))]
    memory = [
        *_folders(unified, groups.get("", "/")),
        *_folders([mounted / "memory"], groups.get("memory")),
    ]
    tasks = [
        *_folders(unified, groups.get("", "/")),
        *_folders([mounted / "pids"], groups.get("pids")),
    ]
    bound = min(_memory(memory), default=(None, 0))
    return Limits(
        cpus=min(_quotas(cpu), default=None),
        memory=bound[0],
        memory_used=bound[1],
        tasks=min(_numbers(tasks, "pids.max"), default=None),
    )


def _groups(file: Path) -> dict[str, str]:
    """The path of this process's group by controller; "" for that of version 2."""
    groups: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _folders(mounts: list[Path], group: str | None) -> Iterator[Path]:
    """The folders of a group and of those above it."""
    parts = [part for part in (group or "/").split("/") if part not in ("", "..")]
    for mount in mounts:
        for count in range(len(parts), -1, -1):
            yield mount.joinpath(*parts[:count])


def _quotas(folders: list[Path]) -> Iterator[float]:
    for folder in folders:
        with contextlib.suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)  # "max" is no number
        with contextlib.suppress(OSError, ValueError):
            taken = int((folder / "cpu.cfs_quota_us").read_text())
            if taken > 0:
                yield taken / int((folder / "cpu.cfs_period_us").read_text())


def _memory(folders: list[Path]) -> Iterator[tuple[int, int]]:
    """Limit and use of each folder that has a limit."""
    for limit, use in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        for folder in folders:
            with contextlib.suppress(OSError, ValueError):
                most = int((folder / limit).read_text())
                if most < UNLIMITED:
                    yield most, int((folder / use).read_text())


def _numbers(folders: list[Path], name: str) -> Iterator[int]:
    for folder in folders:
        with contextlib.suppress(OSError, ValueError):
            yield int((folder / name).read_text())
