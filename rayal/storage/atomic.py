"""Files and folders that appear complete or not at all, and locks between processes.

Every module that writes to a disk may use it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from rayal.storage.process_identity import has_ended, identity, this_process

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(tmp|part)")


class LockedError(Exception):
    """Another process holds the lock; the message is what it wrote of itself."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; it is on the disk before its name appears."""
    with temporary_beside(path) as temporary:
        temporary.write_bytes(content)


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Give a path in the same folder, at which the caller makes a file or a folder.

    At the end its content is flushed to the disk and it is renamed to `path`; after an error it is
    removed. A file replaces an earlier one; where a folder of that name exists, that one stays.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        _flush(temporary)
        _rename(temporary, path)
    finally:
        _remove(temporary)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes left of `temporary_beside` right in a folder.

    Args:
        folder: that no other process writes to.
        name: of what was being made; None for everything.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in list(folder.iterdir()):
            if is_leftover(path, name):
                _remove(path)


def is_leftover(path: Path, name: str | None = None) -> bool:
    """Whether a path is one that `temporary_beside` gives; name: as `remove_leftovers` has it."""
    match = _TEMPORARY.fullmatch(path.name)
    return match is not None and name in (None, match["name"])


@contextlib.contextmanager
def lock(path: Path, *, wait: bool = True, patience: float = 0) -> Iterator[None]:
    """Hold an exclusive lock on a file, which stays there and names this process meanwhile.

    Args:
        path: of the file.
        wait: however long another process holds it.
        patience: seconds to wait where `wait` is False.

    Raises:
        LockedError: wait is False, and another process holds it.
        OSError: the file cannot be opened, or is a link or another special file.
    """
    _refuse_special(path)
    try:
        held = FileLock(path).acquire(timeout=-1 if wait else patience)
    except Timeout:
        name = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
        raise LockedError(name or "another process") from None
    with held:
        path.write_text(f"{this_process()}\n{json.dumps(identity())}\n", encoding="utf-8")
        yield


def holder_has_ended(content: str) -> bool:
    """Whether the process that last held a lock is known to have ended; content: of its file."""
    try:
        about = json.loads(content.partition("\n")[2])
    except (ValueError, RecursionError):  # of an earlier version, or being written
        return False
    return isinstance(about, dict) and bool(has_ended(about))


def _flush(path: Path) -> None:
    """Have a file, or all files of a folder, on the disk: a power cut leaves none cut short."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        # A folder that exists is another process's finished copy of the same content.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _refuse_special(path: Path) -> None:
    """Raise OSError where a lock would be taken through a link, on a pipe or a device."""
    with contextlib.suppress(FileNotFoundError):
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
            raise OSError(errno.EINVAL, f"{path.name} is a link or no plain file; remove it")
