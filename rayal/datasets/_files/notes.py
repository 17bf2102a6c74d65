"""What a person would want to know of decoded images, kept beside the arrays and told each time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rayal.contracts import Images
from rayal.datasets._files.cache import damaged
from rayal.datasets._files.decode import Head

DARK = 64  # of 255: a dataset whose brightest pixel is below it was scaled by another range
_FILE = "notes.json"


class Brightness:
    """The brightest pixel of the images of each split."""

    def __init__(self) -> None:
        self._brightest: dict[str, int] = {}

    def watched(self, split: str, images: Iterable[Images]) -> Iterator[Images]:
        """Yield the images (h, w, channels) of a split, having looked at them."""
        self._brightest.setdefault(split, 0)
        for image in images:
            self._brightest[split] = max(self._brightest[split], int(image.max()))
            yield image

    def notes(self) -> list[str]:
        """Return a note where all images are dark, or all of a split, for its range is another."""
        dark = [split for split, brightest in self._brightest.items() if brightest < DARK]
        if not dark:
            return []
        brightest = max(self._brightest[split] for split in dark)
        where = "" if len(dark) == len(self._brightest) else f" to {' and to '.join(dark)}"
        return [
            f"the brightest pixel of all images{where} is {brightest} of 255; files that use a "
            "part of their range alone (12 of 16 bits, 0 and 1) come out dark: save them over all "
            "of it"
        ]


def notes_of_heads(heads: Sequence[Head], size: int) -> list[str]:
    """Return notes on images that are enlarged to `size`, on further frames and channels."""
    total = len(heads)
    notes = []
    small = [head for head in heads if min(head.width, head.height) < size]
    if small:
        least = min(small, key=lambda head: (min(head.width, head.height), head.width))
        notes.append(
            f"{len(small):,} of {total:,} images are enlarged to size={size}; the smallest has "
            f"{least.width} x {least.height} pixels"
        )
    frames = sum(head.has_frames for head in heads)
    if frames:
        notes.append(f"{frames:,} of {total:,} files have several frames; the first is taken")
    channels = sum(head.has_channels for head in heads)
    if channels:
        notes.append(
            f"{channels:,} of {total:,} files have channels beyond gray or red, green and "
            "blue, which are left out"
        )
    return notes


def write_notes(folder: Path, notes: Sequence[str]) -> None:
    """Keep the notes in a folder of decoded images."""
    (folder / _FILE).write_text(json.dumps(notes, indent=1), encoding="utf-8")


def read_notes(folder: Path) -> list[str]:
    """Return the notes that are kept in a folder; none where it has no such file.

    Raises:
        ValueError: the file is damaged.
    """
    file = folder / _FILE
    try:
        notes = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    except (ValueError, RecursionError) as error:
        raise damaged(file, error) from error
    if not isinstance(notes, list):
        raise damaged(file, "it is no list")
    return [str(note) for note in notes]
