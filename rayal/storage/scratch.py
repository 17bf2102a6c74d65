"""Scratch folders that do not outlive their process for long, even where it is killed.

Each holds a locked file while its process lives. Whoever makes the next one removes those of the
same user that nobody locks any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "rayal-"
_OWNER, _STARTING = ".owner", ".starting"  # the second until it is locked


@contextlib.contextmanager
def scratch_folder(base: Path | None = None) -> Iterator[Path]:
    """Give a new folder that this user alone can enter; it is removed at the end.

    Args:
        base: where it is made; None for the system's place for temporary files.

    Raises:
        OSError: no folder can be made there.
    """
    base = Path(tempfile.gettempdir()) if base is None else base
    remove_abandoned(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))  # mode 0700
    try:
        with FileLock(folder / _STARTING):
            (folder / _STARTING).rename(folder / _OWNER)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(base: Path) -> None:
    """Remove the scratch folders in `base` whose processes are gone, of this user alone."""
    with contextlib.suppress(OSError):
        for folder in list(base.glob(f"{PREFIX}*")):
            if _is_ours(folder) and (folder / _OWNER).is_file():
                _remove_unless_locked(folder)


def is_abandoned(folder: Path) -> bool:
    """Whether the process that made a scratch folder is gone."""
    if not (folder / _OWNER).is_file():
        return not (folder / _STARTING).exists()
    with contextlib.suppress(Timeout, OSError), FileLock(folder / _OWNER, blocking=False):
        return True
    return False


def _is_ours(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _remove_unless_locked(folder: Path) -> None:
    with contextlib.suppress(Timeout, OSError), FileLock(folder / _OWNER, blocking=False):
        shutil.rmtree(folder, ignore_errors=True)
