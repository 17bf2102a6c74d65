"""The paths of Ray's sockets: a Unix socket's path has at most 107 bytes.

Ray makes them below its temporary folder, and does not start where that lies deep, as the temporary
folders of batch jobs do. rayal takes another folder.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import STARTED, Request

LONGEST_SOCKET_PATH = 107  # bytes that the system takes, less the closing zero
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
RAY_SOCKET = "/rayal-12345678/ray/session_2000-01-01_00-00-00_000000_4194304/sockets/plasma_store.1"
LEAST_FREE = 200_000_000  # bytes: logs of Ray, and the store of small objects


@dataclass(frozen=True)
class TemporaryFolders:
    """usual: the system's place for temporary files; taken: where Ray's go, None for nowhere."""

    usual: Path
    taken: Path | None
    length: int  # bytes of the longest path of a socket below `usual`


def short_folder() -> Path | None:
    """The place for temporary files, or another where the paths of sockets fit; None for none."""
    usual = Path(tempfile.gettempdir())
    fits = [f for f in (usual, *map(Path, SHORT_FOLDERS)) if _fits(f)]
    return next((f for f in fits if _free(f) >= LEAST_FREE), fits[0] if fits else None)


def _fits(folder: Path) -> bool:
    short = socket_length(folder) <= LONGEST_SOCKET_PATH
    return short and os.access(folder, os.W_OK | os.X_OK)


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def socket_length(folder: Path) -> int:
    """Bytes of the longest path of a socket that Ray makes below a folder."""
    return len(os.fsencode(folder)) + len(RAY_SOCKET)


def _measure(request: Request) -> TemporaryFolders:
    usual = Path(tempfile.gettempdir())
    return TemporaryFolders(usual, short_folder(), socket_length(usual))


@check("sockets", _measure, modes=STARTED)
def _judge(facts: TemporaryFolders, request: Request) -> Finding:
    measured = f"paths of {facts.length} bytes below {facts.usual}"
    threshold = f"at most {LONGEST_SOCKET_PATH}"
    if facts.taken is None:
        return Finding("fails", measured, threshold, no_short_folder())
    if facts.length > LONGEST_SOCKET_PATH:
        return Finding("mended", measured, threshold, f"temporary files go to {facts.taken}")
    return Finding("ok", measured, threshold)


def no_short_folder() -> str:
    """What to do where Ray's sockets fit nowhere."""
    most = LONGEST_SOCKET_PATH - len(RAY_SOCKET)
    return (
        f"none of {', '.join(SHORT_FOLDERS)} can be written to: set TMPDIR to a folder whose path "
        f"has at most {most} bytes, or use --local"
    )
