"""Where temporary files go: a folder that this user can write to, and that is meant for it.

`su` without `-` keeps the TMPDIR of the user who called it, and Ray's services take it as it is.
/tmp/ray of another user is no trap here: rayal's Ray has a folder of its own below the place for
temporary files, which this user alone can enter.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import HERE, Request
from rayal.storage import reachable

VARIABLES = ("TMPDIR", "RAY_TMPDIR")


@dataclass(frozen=True)
class TemporaryFolder:
    """named: by TMPDIR, "" for none; owner: its user id; taken: where files go in its place."""

    named: str
    owner: int | None
    user: int
    is_writable: bool
    taken: Path | None


def unusable(variable: str) -> bool:
    """Whether a variable of the environment names a folder that cannot be written to."""
    named = os.environ.get(variable, "")
    takes_files = reachable.is_dir(Path(named)) and os.access(named, os.W_OK | os.X_OK)
    return bool(named) and not takes_files


def replace_unusable() -> None:
    """Leave no variable that sends temporary files where this user cannot write."""
    for variable in VARIABLES:
        if unusable(variable):
            del os.environ[variable]


def _measure(request: Request) -> TemporaryFolder:
    named = os.environ.get("TMPDIR", "")
    owner = Path(named).stat().st_uid if named and reachable.exists(Path(named)) else None
    try:
        taken = Path(tempfile.gettempdir())
    except FileNotFoundError:
        taken = None
    return TemporaryFolder(named, owner, os.geteuid(), not unusable("TMPDIR"), taken)


@check("temporary files", _measure, modes=HERE, mend=replace_unusable)
def _judge(facts: TemporaryFolder, request: Request) -> Finding:
    threshold = "a folder that this user can write to"
    if facts.taken is None:
        return Finding("fails", "no folder takes them", threshold, "export TMPDIR=/a/folder")
    if facts.is_writable:
        return Finding("ok", f"in {facts.taken}", threshold)
    whose = "cannot be reached" if facts.owner is None else f"belongs to user {facts.owner}"
    mend = f"files go to {facts.taken} (for good: unset TMPDIR)"
    return Finding("mended", f"TMPDIR={facts.named} {whose}", threshold, mend)
