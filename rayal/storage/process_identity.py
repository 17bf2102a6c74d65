"""What a process writes of itself where it holds something, and whether it has ended since.

Imports nothing of rayal. Whether a process has ended can be told on its own machine alone, and
there where the kernel shows processes under /proc.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def this_process() -> str:
    """Name this process to people."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def identity() -> dict[str, Any]:
    """Return what `has_ended` needs to know of this process, fit for JSON."""
    process = os.getpid()
    return {"machine": _machine(), "process": process, "began": _began(process)}


def has_ended(about: Mapping[str, Any]) -> bool | None:
    """Whether a process has ended; None where that cannot be told, as of another machine's.

    about: what it wrote by `identity`; anything else is of no process of this machine.
    """
    if about.get("machine") != _machine():
        return None
    process = about.get("process")
    return not _is_there(process) or _began(process) not in ("", about.get("began"))


def _is_there(process: object) -> bool:
    """Whether a process of a number exists, also one that /proc hides, as another user's."""
    if not isinstance(process, int):
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _began(process: object) -> str:
    """When a process began, in the kernel's count, for numbers are used again.

    "" where it does not show; of one that has ended, and is there until its parent asks, words.
    """
    with contextlib.suppress(OSError, IndexError):
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        state, *others = stat.rpartition(")")[2].split()
        return "it has ended" if state in "ZX" else others[18]
    return ""


def _machine() -> str:
    """Name a machine and what it calls processes: containers have numbers of their own."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return uuid.uuid4().hex  # no other process says this
