"""Every file looked at once: its bytes hashed, its head read, its copies found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rayal.cpus import available_cpus
from rayal.datasets._files.progress import with_progress
from rayal.labeling.pictures import read_facts
from rayal.labeling.pool import LeftOut, PoolImage, id_of_bytes
from rayal.labeling.scan import Candidate
from rayal.storage import plain_files

LARGEST = 1 << 30  # bytes of a file
BLOCK = 512  # files under way at once

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class Reading:
    """The images by content, the first path of each; what was left out; notes and their counts.

    is_gray: whether all images are.
    """

    images: list[PoolImage] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    is_gray: bool = True
    groups_of_copies: int = 0


@dataclass(frozen=True)
class _Read:
    image: PoolImage
    is_gray: bool
    notes: tuple[str, ...]


def read_files(root: Path, candidates: Sequence[Candidate]) -> Reading:
    """Read all candidates; files of the same bytes are one image, under the first of their paths.

    A copy in another group than its image is counted: the same picture of two patients, say.
    """
    reading, first = Reading(), dict[str, PoolImage]()
    read = in_parallel(candidates, lambda one: _read(root, one))
    for candidate, result in zip(
        candidates, with_progress(read, len(candidates), "reading"), strict=True
    ):
        if isinstance(result, str):
            reading.left_out.append(LeftOut(candidate.path, result))
            continue
        image = first.setdefault(result.image.rayal_id, result.image)
        if image is result.image:
            _keep(reading, result)
        else:
            reason = f"the same bytes as {image.path}"
            reading.left_out.append(LeftOut(candidate.path, reason, image.rayal_id))
            reading.groups_of_copies += candidate.group not in ("", image.group)
    return reading


def in_parallel(items: Sequence[Item], work: Callable[[Item], Result]) -> Iterator[Result]:
    """Yield what `work` makes of each item, in order, some at once on this machine's CPUs."""
    with ThreadPoolExecutor(available_cpus()) as pool:
        for start in range(0, len(items), BLOCK):
            yield from pool.map(work, items[start : start + BLOCK])


def _keep(reading: Reading, read: _Read) -> None:
    reading.images.append(read.image)
    reading.is_gray &= read.is_gray
    for note in read.notes:
        reading.notes[note] = reading.notes.get(note, 0) + 1


def _read(root: Path, candidate: Candidate) -> _Read | str:
    """Read one file; return why not where it cannot be."""
    path = root / candidate.path
    try:
        facts = path.stat()
        if facts.st_size == 0:
            return "it is empty (0 bytes)"
        rayal_id = id_of_bytes(plain_files.read(path, LARGEST))
        seen = read_facts(path)
        if _state(path.stat()) != _state(facts):
            return "it changed while it was read: it is written to, or copied, right now"
    except OSError as error:
        return f"it cannot be read: {(error.strerror or str(error)).lower()}"
    except ValueError as error:
        return str(error)
    image = PoolImage(
        rayal_id,
        candidate.path,
        candidate.group,
        facts.st_size,
        seen.width,
        seen.height,
        seen.mode,
        facts.st_mtime_ns,
        ctime_ns=facts.st_ctime_ns,
    )
    return _Read(image, seen.is_gray, seen.notes)


def _state(facts: os.stat_result) -> tuple[int, int, int]:
    """Return what changes with a file's content, and not where another name of it is made."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
