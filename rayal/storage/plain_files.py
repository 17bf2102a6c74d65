"""Plain files: no folder, pipe or device stands for a file of a run, and none is endless.

Imports nothing of rayal.
"""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path

LARGEST = 256 << 20  # bytes of a file that is read into memory
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotPlainError(OSError):
    """What lies there is no file of ours; the message says what it is."""


def read(path: Path, largest: int = LARGEST, start: int = 0) -> bytes:
    """Return a file's content, from byte `start` on; links to files are followed.

    Raises:
        FileNotFoundError: there is nothing.
        NotPlainError: it is no file, or larger than `largest` bytes.
        OSError: it cannot be read.
    """
    with os.fdopen(_open(path, os.O_RDONLY), "rb") as file:
        file.seek(start)
        content = file.read(largest + 1)
    if len(content) > largest:
        raise NotPlainError(errno.EFBIG, f"it is larger than {largest / 1e6:,.0f} MB")
    return content


def open_append(path: Path) -> FileIO:
    """Open a file to add to; it is made where there is none.

    Raises:
        NotPlainError: it is a link, another name of some file, or no file.
        OSError: it cannot be opened.
    """
    if path.is_symlink():
        raise NotPlainError(errno.ELOOP, "it is a link")
    descriptor = _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise NotPlainError(errno.EMLINK, "it is a second name of some file")
    return FileIO(descriptor, "ab")


def is_plain(path: Path) -> bool:
    """Whether there is a file, perhaps behind a link.

    Raises:
        OSError: that cannot be told.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return False


def _open(path: Path, flags: int) -> int:
    """Open without waiting: a pipe without a writer would keep a plain `open` for ever."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    except IsADirectoryError as error:
        raise NotPlainError(error.errno, "it is a folder") from error
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise NotPlainError(error.errno, "it is a link that leads nowhere") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise NotPlainError(errno.EINVAL, f"it is {_KINDS.get(stat.S_IFMT(mode), 'no plain file')}")
