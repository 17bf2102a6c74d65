"""Lists of image files -> a Dataset, decoded once into memory-mapped arrays.

The arrays lie in the cache folder under a key of all that determines them: the files' names, sizes
and times of change, and how they are decoded. A changed file makes another key.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from rayal.contracts import Dataset, Images, Labels, Split
from rayal.datasets._files.cache import check_space, key_of, made_once, mapped, write_images
from rayal.datasets._files.content_hash import with_content
from rayal.datasets._files.decode import Decoding, decode, is_gray
from rayal.datasets._files.progress import with_progress
from rayal.storage.machine_cache import cache_folder

FORMAT = 1  # part of every key; raised by hand when files come to be decoded otherwise
BLOCK = 512  # files under way at once: an unbounded queue of a million takes gigabytes
SHOWN = 5  # files named in a message

Result = TypeVar("Result")


@dataclass(frozen=True)
class FileList:
    """Files of one split, relative to the root, and their classes (N,)."""

    files: Sequence[str]
    labels: Labels


@dataclass(frozen=True)
class _Bad:
    file: str
    reason: str


def load_decoded(
    about: tuple[str, Sequence[str]],
    root: Path,
    splits: Mapping[str, FileList],
    decoding: Decoding,
    cache: str = "",
) -> Dataset:
    """Return train, test and perhaps val of these files.

    Args:
        about: name and classes of the dataset.
        root: the folder that the files are relative to.
        splits: "train", "test" and perhaps "val".
        decoding: how files become arrays.
        cache: folder of decoded images; "" is RAYAL_CACHE or the usual one.

    Raises:
        ValueError: a split or class without images, files that cannot be read (all are named, up
            to five), or a disk without room.
        OSError: the cache cannot be written to.
    """
    name, classes = about
    _check_classes(root, classes, splits)
    counts = {split: len(listed.files) for split, listed in splits.items()}
    state = _state(root, [file for listed in splits.values() for file in listed.files])
    key = key_of(FORMAT, asdict(decoding), counts, state)
    facts = {"name": name, "root": str(root), "images": counts, "decoding": asdict(decoding)}
    folder = made_once(
        cache_folder(cache) / f"{name}-{key}",
        facts,
        partial(_write, root, {split: listed.files for split, listed in splits.items()}, decoding),
    )
    made = {
        split: Split(mapped(folder / f"{split}.npy"), listed.labels)
        for split, listed in splits.items()
    }
    data = Dataset(name, tuple(classes), made["train"], made["test"], made.get("val"))
    return with_content(data, folder)


def _check_classes(root: Path, classes: Sequence[str], splits: Mapping[str, FileList]) -> None:
    if len(classes) < 2:
        raise ValueError(f"{root}: at least 2 classes are needed, and there is {len(classes)}")
    for split, listed in splits.items():
        if not listed.files:
            raise ValueError(f"{root}: there is no image to {split}")
    without = np.flatnonzero(np.bincount(splits["train"].labels, minlength=len(classes)) == 0)
    if len(without):
        raise ValueError(f"{root}: class '{classes[without[0]]}' has no training image")


def _state(root: Path, files: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return name, bytes and time of change of each file."""
    found: list[tuple[str, int, int]] = []
    bad: list[_Bad] = []
    for file in files:
        try:
            facts = (root / file).stat()
        except OSError as error:
            bad.append(_Bad(file, f"it cannot be read: {(error.strerror or str(error)).lower()}"))
            continue
        if facts.st_size == 0:
            bad.append(_Bad(file, "it is empty (0 bytes)"))
        found.append((file, facts.st_size, facts.st_mtime_ns))
    _refuse(root, bad, len(files))
    return found


def _write(
    root: Path, splits: Mapping[str, Sequence[str]], decoding: Decoding, folder: Path
) -> None:
    files = [file for listed in splits.values() for file in listed]
    with warnings.catch_warnings():
        # Sizes are checked against max_pixels.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        channels = _channels(root, files, decoding)
        each = (decoding.size, decoding.size, channels)
        check_space(folder, len(files) * int(np.prod(each)))
        read = _good(root, _in_parallel(root, files, partial(_decode, decoding, channels)), files)
        images = with_progress(read, len(files), f"decoding {root.name}")
        for split, listed in splits.items():
            taken = (next(images) for _ in listed)
            write_images(folder / f"{split}.npy", taken, (len(listed), *each))
        next(images, None)  # closes the bar


def _channels(root: Path, files: Sequence[str], decoding: Decoding) -> int:
    """Read all heads, which finds most bad files before the long work, and say 1 or 3."""
    heads = _in_parallel(root, files, lambda path: is_gray(path, decoding))
    gray = [*_good(root, with_progress(heads, len(files), f"looking at {root.name}"), files)]
    if decoding.channels == "auto":
        return 1 if all(gray) else 3
    return decoding.channels


def _decode(decoding: Decoding, channels: int, path: Path) -> Images:
    return decode(path, decoding, channels)


def _in_parallel(
    root: Path, files: Sequence[str], read: Callable[[Path], Result]
) -> Iterator[Result | _Bad]:
    """Yield what is read of each file, in order. Decoding lets go of the interpreter's lock."""

    def attempt(file: str) -> Result | _Bad:
        try:
            return read(root / file)
        except ValueError as error:
            return _Bad(file, str(error))

    with ThreadPoolExecutor(_cpus()) as pool:
        for start in range(0, len(files), BLOCK):
            yield from pool.map(attempt, files[start : start + BLOCK])


def _good(root: Path, results: Iterator[Result | _Bad], files: Sequence[str]) -> Iterator[Result]:
    """Yield results up to the first bad file; look at all the others before refusing."""
    bad: list[_Bad] = []
    for result in results:
        if isinstance(result, _Bad):
            bad.append(result)
        elif not bad:
            yield result
    _refuse(root, bad, len(files))


def _refuse(root: Path, bad: Sequence[_Bad], total: int) -> None:
    if not bad:
        return
    shown = "; ".join(f"{root / one.file}: {one.reason}" for one in bad[:SHOWN])
    more = f"; and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
    raise ValueError(
        f"{len(bad):,} of {total:,} images cannot be used: {shown}{more}; mend or remove them"
    )


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
