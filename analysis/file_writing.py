"""Files of a report, written beside the work: none waits until the disk has another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from rayal.storage.atomic import write_bytes

Write: TypeAlias = Callable[[Path, bytes], Path]
WRITERS = 8  # threads, which do nothing but wait for the disk


@contextmanager
def file_writing() -> Iterator[Write]:
    """Give a function that has a file written and returns its path; at the end all are there.

    Each appears complete or not at all, and a folder is made where it is not there.

    Raises:
        OSError: a file cannot be written; the others are.
    """
    begun: list[Future[None]] = []
    with ThreadPoolExecutor(WRITERS) as threads:

        def write(path: Path, content: bytes) -> Path:
            begun.append(threads.submit(_write, path, content))
            return path

        yield write
    for each in begun:
        each.result()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)
