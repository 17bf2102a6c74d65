"""Images that are pixel for pixel the same: in the test set and outside it, or of two classes.

Images are counted in the order of the splits: those to train, to test, to validate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Images, Labels
from rayal.datasets._files.cache import damaged

Group = Sequence[int]  # numbers of images that are the same
_FILE = "copies.json"


class Rows(Sequence[str]):
    """Names of images that have no files: "train_images[3]"."""

    def __init__(self, array: str, count: int) -> None:
        self._array, self._count = array, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return f"{self._array}[{index}]"


class Copies:
    """Finds images that are the same among all that come by, by their hashes."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}
        self._groups: dict[int, list[int]] = {}

    def watched(self, images: Iterable[Images]) -> Iterator[Images]:
        """Yield the images (h, w, channels), having looked at them."""
        for number, image in enumerate(images):
            content = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
            first = self._first.setdefault(content, number)
            if first != number:
                self._groups.setdefault(first, [first]).append(number)
            yield image

    def groups(self) -> list[Group]:
        """Return the images that are the same, ascending in each group."""
        return list(self._groups.values())


def notes_of_copies(
    groups: Sequence[Group],
    files: Mapping[str, Sequence[str]],
    labels: Mapping[str, Labels],
) -> list[str]:
    """Return what a person would want to know of images that are the same.

    Args:
        groups: of such images.
        files: names (n,) of each split's images, for the text.
        labels: (n,) or (n, C) of each split's images.
    """
    at = [(split, index) for split, own in files.items() for index in range(len(own))]
    pairs = [(at[first], at[other]) for first, *others in groups for other in others]
    shared = [(a, b) for a, b in pairs if a[0] != b[0] and "test" in (a[0], b[0])]
    differing = [(a, b) for a, b in pairs if _differ(labels[a[0]][a[1]], labels[b[0]][b[1]])]
    notes = []
    if shared:
        one, other = (files[split][index] for split, index in shared[0])
        notes.append(
            f"{len(shared):,} images are in the test set and outside it, such as {one} and "
            f"{other}, which are the same: results are too good by what is learned of them; remove "
            "the copies"
        )
    if differing:
        one, other = (files[split][index] for split, index in differing[0])
        notes.append(
            f"{len(differing):,} images have another label than the same image has elsewhere, such "
            f"as {one} and {other}: at least one of the two is wrong; keep the right one"
        )
    return notes


def _differ(one: Labels, other: Labels) -> bool:
    return not np.array_equal(one, other)


def write_copies(folder: Path, groups: Sequence[Group]) -> None:
    """Keep groups in a folder of decoded images."""
    (folder / _FILE).write_text(json.dumps(groups), encoding="utf-8")


def read_copies(folder: Path) -> list[Group]:
    """Return the groups that are kept in a folder.

    Raises:
        ValueError: the file is damaged.
    """
    file = folder / _FILE
    try:
        groups = json.loads(file.read_text(encoding="utf-8"))
        return [[int(number) for number in group] for group in groups]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise damaged(file, error) from error
