"""Processes that a killed sweep has left behind: they hold memory, and GPUs.

Ray's processes end within about a minute of the driver that started them. One that hangs, in a call
of a GPU's driver for example, does not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request
from rayal.storage.scratch import PREFIX, is_abandoned

PROCESSES = Path("/proc")
LISTED = 8
TITLE = b"ray::"  # workers and agents put a title in the place of their command
_SCRATCH = re.compile(rf"(/[^\0 =]*/{PREFIX}[^/\0]+)/ray/".encode())


@dataclass(frozen=True)
class Leftovers:
    """Ids of processes of this user whose sweep has ended."""

    pids: tuple[int, ...]


def _measure(request: Request) -> Leftovers:
    ended: dict[Path, bool] = {}
    pids = []
    for pid, folder, _ in _processes(PROCESSES):
        if folder not in ended:
            ended[folder] = is_abandoned(folder)
        if ended[folder]:
            pids.append(pid)
    return Leftovers(tuple(sorted(pids)))


def ray_processes(scratch: Path, running: str = "") -> list[int]:
    """Return the ids of this user's processes of the Ray that lies in a scratch folder.

    running: what their command has in it.
    """
    wanted = running.encode()
    return [
        pid for pid, folder, command in _processes(PROCESSES)
        if folder == scratch and wanted in command
    ]  # fmt: skip


def _processes(proc: Path) -> Iterator[tuple[int, Path, bytes]]:
    """This user's processes of a Ray that rayal started, with their scratch folder and command."""
    for folder in proc.glob("[0-9]*"):
        try:
            if folder.stat().st_uid != os.geteuid():
                continue
            command = (folder / "cmdline").read_bytes()
            named = _files(folder) if command.startswith(TITLE) else command
        except OSError:  # it has ended
            continue
        if found := _SCRATCH.search(named):
            yield int(folder.name), Path(os.fsdecode(found.group(1))), command


def _files(process: Path) -> bytes:
    """The paths of the files that a process has open, its logs among them."""
    return b"\0".join(os.fsencode(file.readlink()) for file in (process / "fd").iterdir())


@check("left-overs", _measure, modes=("start", "local", "node"))
def _judge(facts: Leftovers, request: Request) -> Finding:
    threshold = "no process of an ended sweep"
    if not facts.pids:
        return Finding("ok", "none", threshold)
    listed = " ".join(map(str, facts.pids[:LISTED]))
    more = " ..." if len(facts.pids) > LISTED else ""
    return Finding("warning", f"{len(facts.pids)} still run", threshold, f"kill {listed}{more}")
