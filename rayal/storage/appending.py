"""Bytes added to the end of a file: they are on the disk, or the file is as it was."""

from __future__ import annotations

import os
from pathlib import Path

STEP = 1 << 16  # bytes read at once, from the end


def end_of_lines(path: Path) -> int:
    """Return where the last whole line of a file ends, in bytes."""
    with path.open("rb") as file:
        for start in range(max(0, path.stat().st_size - STEP), -STEP, -STEP):
            file.seek(max(0, start))
            last = file.read(STEP).rfind(b"\n")
            if last >= 0:
                return max(0, start) + last + 1
    return 0


def replace_from(descriptor: int, start: int, content: bytes) -> None:
    """Have content in a file, which is open to append to, in place of what begins at a byte.

    Raises:
        OSError: it cannot be written; the file then ends at that byte.
    """
    try:
        os.ftruncate(descriptor, start)
        _write_all(descriptor, content)
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, start)
        raise


def sync_folder(folder: Path) -> None:
    """Have the names of new files in a folder on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
