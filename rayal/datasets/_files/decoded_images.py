"""Lists of image files -> a Dataset, decoded once into memory-memory_map arrays.

The arrays lie in the cache folder under a key of all that determines them: the folder, the files'
names, sizes and times of change, and how they are decoded. A changed file makes another key, also
where it has the time and the size of the one that it replaces, as files of an archive may.
"""

from __future__ import annotations

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
from rayal.cpus import available_cpus
from rayal.datasets._files.cache import (
    build_once,
    check_space,
    content_key,
    memory_map,
    write_images,
)
from rayal.datasets._files.content_hash import with_content
from rayal.datasets._files.copies import Copies, notes_of_copies, read_copies, write_copies
from rayal.datasets._files.decode import Decoding, Head, decode, read_head
from rayal.datasets._files.notes import Brightness, notes_of_heads, read_notes, write_notes
from rayal.datasets._files.progress import with_progress
from rayal.label_arrays import count_by_class
from rayal.storage.file_names import shortened
from rayal.storage.machine_cache import cache_folder

FORMAT = 5  # part of every key; raised by hand when files come to be decoded otherwise
BLOCK = 512  # files under way at once: an unbounded queue of a million takes gigabytes
SHOWN = 5  # files named in a message

Result = TypeVar("Result")


@dataclass(frozen=True)
class FileList:
    """Files of one split, relative to the root, and their classes (N,) or (N, C)."""

    files: Sequence[str]
    labels: Labels


@dataclass(frozen=True)
class _Unreadable:
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

    What a person would want to know of the images is told by warnings: that they are enlarged, that
    files have further frames or channels, that all are dark, that some are the same.

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
    # By its place, too: images of file systems with fixed times may differ in nothing else.
    key = content_key(FORMAT, str(root.resolve()), asdict(decoding), counts, state)
    facts = {"name": name, "root": str(root), "images": counts, "decoding": asdict(decoding)}
    files = {split: listed.files for split, listed in splits.items()}
    folder = build_once(
        cache_folder(cache) / f"{shortened(name)}-{key}",
        facts,
        partial(_write_unchanged, root, files, decoding, state),
    )
    labels = {split: listed.labels for split, listed in splits.items()}
    same = notes_of_copies(read_copies(folder), files, labels)
    for note in [*_untested(classes, splits["test"]), *read_notes(folder), *same]:
        warnings.warn(f"{root}: {note}", stacklevel=2)
    arrays = {
        split: Split(memory_map(folder / f"{split}.npy"), listed.labels, listed.files)
        for split, listed in splits.items()
    }
    data = Dataset(name, tuple(classes), arrays["train"], arrays["test"], arrays.get("val"))
    return with_content(data, folder)


def _check_classes(root: Path, classes: Sequence[str], splits: Mapping[str, FileList]) -> None:
    if len(classes) < 2:
        raise ValueError(f"{root}: at least 2 classes are needed, and there is {len(classes)}")
    for split, listed in splits.items():
        if not listed.files:
            raise ValueError(f"{root}: there is no image to {split}")
    without = np.flatnonzero(count_by_class(splits["train"].labels, len(classes)) == 0)
    if len(without):
        raise ValueError(f"{root}: class '{classes[without[0]]}' has no training image")


def _untested(classes: Sequence[str], test: FileList) -> list[str]:
    counts = count_by_class(test.labels, len(classes))
    names = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if not names:
        return []
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return [
        f"{len(names):,} of {len(classes):,} classes have no image to test: "
        f"{', '.join(names[:SHOWN])}{more}"
    ]


def _state(root: Path, files: Sequence[str]) -> list[tuple[str, int, int, int]]:
    """Return name, bytes, time of change and time of its replacement (ctime) of each file."""
    state: list[tuple[str, int, int, int]] = []
    bad: list[_Unreadable] = []
    for file in files:
        try:
            facts = (root / file).stat()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            bad.append(_Unreadable(file, f"it cannot be read: {reason}"))
            continue
        if facts.st_size == 0:
            bad.append(_Unreadable(file, "it is empty (0 bytes)"))
        state.append((file, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))
    _refuse(root, bad, len(files))
    return state


def _write_unchanged(
    root: Path,
    splits: Mapping[str, Sequence[str]],
    decoding: Decoding,
    state: Sequence[tuple[str, int, int, int]],
    folder: Path,
) -> None:
    """Write the arrays of files in a state, after which the folder is called.

    Raises:
        ValueError: as `load_decoded`; a file changed meanwhile: the arrays would be taken for those
            of the earlier one wherever that is put back.
    """
    _write(root, splits, decoding, folder)
    now = _state(root, [file for listed in splits.values() for file in listed])
    changed = [own[0] for own, other in zip(state, now, strict=True) if own != other]
    if changed:
        raise ValueError(
            f"{root / changed[0]} changed while the images were decoded: run the same command again"
        )


def _write(
    root: Path, splits: Mapping[str, Sequence[str]], decoding: Decoding, folder: Path
) -> None:
    files = [file for listed in splits.values() for file in listed]
    with warnings.catch_warnings():
        # Sizes are checked against max_pixels.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        heads = _heads(root, files, decoding)
        channels = decoding.channels
        if channels == "auto":
            channels = 1 if all(head.is_gray for head in heads) else 3
        each = (decoding.size, decoding.size, channels)
        check_space(folder, len(files) * int(np.prod(each)))
        read = _in_parallel(root, files, partial(_decode, decoding, channels))
        brightness, copies = Brightness(), Copies()
        good = copies.watched(_good(root, read, files))
        images = with_progress(good, len(files), f"decoding {root.name}")
        for split, listed in splits.items():
            taken = brightness.watched(split, (next(images) for _ in listed))
            write_images(folder / f"{split}.npy", taken, (len(listed), *each))
        next(images, None)  # closes the bar
    write_notes(folder, [*notes_of_heads(heads, decoding.size), *brightness.notes()])
    write_copies(folder, copies.groups())


def _heads(root: Path, files: Sequence[str], decoding: Decoding) -> list[Head]:
    """Read all heads, which finds most bad files before the long work."""
    heads = _in_parallel(root, files, lambda path: read_head(path, decoding))
    return [*_good(root, with_progress(heads, len(files), f"looking at {root.name}"), files)]


def _decode(decoding: Decoding, channels: int, path: Path) -> Images:
    return decode(path, decoding, channels)


def _in_parallel(
    root: Path, files: Sequence[str], read: Callable[[Path], Result]
) -> Iterator[Result | _Unreadable]:
    """Yield what is read of each file, in order. Decoding lets go of the interpreter's lock."""

    def attempt(file: str) -> Result | _Unreadable:
        try:
            return read(root / file)
        except ValueError as error:
            return _Unreadable(file, str(error))

    with ThreadPoolExecutor(available_cpus()) as pool:
        for start in range(0, len(files), BLOCK):
            yield from pool.map(attempt, files[start : start + BLOCK])


def _good(
    root: Path, results: Iterator[Result | _Unreadable], files: Sequence[str]
) -> Iterator[Result]:
    """Yield results up to the first bad file; look at all the others before refusing."""
    bad: list[_Unreadable] = []
    for result in results:
        if isinstance(result, _Unreadable):
            bad.append(result)
        elif not bad:
            yield result
    _refuse(root, bad, len(files))


def _refuse(root: Path, bad: Sequence[_Unreadable], total: int) -> None:
    if not bad:
        return
    shown = "; ".join(f"{root / fault.file}: {fault.reason}" for fault in bad[:SHOWN])
    more = f"; and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
    raise ValueError(
        f"{len(bad):,} of {total:,} images cannot be used: {shown}{more}; mend or remove them"
    )
