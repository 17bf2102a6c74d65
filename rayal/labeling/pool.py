"""The images of a labeling project: each content once, with its id, its place and its group.

DIR/pool.csv      a row for each image, in the order of the features' rows
DIR/left_out.csv  files that are not in it, and why
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Indices
from rayal.labeling.errors import LabelingError
from rayal.labeling.own_files import damaged
from rayal.labeling.spreadsheet import ID_PREFIX, read_csv_rows, write_csv

ID_DIGITS = 20


@dataclass(frozen=True)
class PoolImage:
    """One image.

    rayal_id: of its file's bytes. path: relative to the source, or the id that came with features.
    group: of what is kept together, "" where there are no groups. bytes, width, height, mode,
    mtime_ns, ctime_ns: of the file when it was read; 0 and "" for features without images.
    duplicate_of: the id of the image that stands for this one, "" for one that stands for itself.
    """

    rayal_id: str
    path: str
    group: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    mode: str = ""
    mtime_ns: int = 0
    duplicate_of: str = ""
    ctime_ns: int = 0


@dataclass(frozen=True)
class LeftOut:
    """A file that is not in the pool; rayal_id: of the image with the same bytes, else ""."""

    path: str
    reason: str
    rayal_id: str = ""


@dataclass(frozen=True)
class ImagePool(Sequence[PoolImage]):
    """The images in the order of the features' rows; ids and paths are unique."""

    images: tuple[PoolImage, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: int) -> PoolImage:  # type: ignore[override]  # no slices
        return self.images[position]

    def __iter__(self) -> Iterator[PoolImage]:
        return iter(self.images)

    @cached_property
    def position(self) -> dict[str, int]:
        """Id -> row."""
        return {image.rayal_id: row for row, image in enumerate(self.images)}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(image.rayal_id for image in self.images)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        return tuple(image.path for image in self.images)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Group of each image; one without a group is a group of its own, named by its id."""
        return tuple(image.group or image.rayal_id for image in self.images)

    @cached_property
    def standing(self) -> Indices:
        """For each row (N,) the row of the image that stands for it, its own or a duplicate's."""
        rows = [self.position[image.duplicate_of or image.rayal_id] for image in self.images]
        return np.asarray(rows, dtype=np.int64)

    @property
    def has_groups(self) -> bool:
        return any(image.group for image in self.images)


def id_of_bytes(content: bytes) -> str:
    """Return the id of a file's content."""
    return f"{ID_PREFIX}{hashlib.sha256(content).hexdigest()[:ID_DIGITS]}"


def id_in(name: str) -> str:
    """Return the id that stands in a file's name, as tools are given it; "" where none does."""
    match = re.search(rf"{ID_PREFIX}[0-9a-f]{{{ID_DIGITS}}}(?![0-9a-f])", name)
    return match.group() if match else ""


def id_of_name(name: str) -> str:
    """Return the id of an image that is known by a name and features alone."""
    return id_of_bytes(f"name\0{name}".encode())


def write_pool(path: Path, images: Sequence[PoolImage]) -> None:
    """Write the table of images."""
    write_csv(path, [field.name for field in fields(PoolImage)], map(asdict, images))


def read_pool(path: Path) -> ImagePool:
    """Read the table of images.

    Raises:
        FileNotFoundError: there is none yet.
        LabelingError: it is damaged.
    """
    try:
        images = tuple(map(_image, read_csv_rows(path)))
    except (TypeError, KeyError) as error:
        raise damaged(path, error) from error
    except ValueError as error:
        raise error if isinstance(error, LabelingError) else damaged(path, error) from error
    pool = ImagePool(images)
    if len(pool.position) < len(pool):
        raise damaged(path, "an id stands in several rows")
    for image in pool:
        if image.duplicate_of and image.duplicate_of not in pool.position:
            raise damaged(path, f"it has no row of {image.duplicate_of}")
    return pool


def _image(row: Mapping[str, str]) -> PoolImage:
    numbers = {"bytes", "width", "height", "mtime_ns", "ctime_ns"}
    values: dict[str, Any] = {n: int(cell) if n in numbers else cell for n, cell in row.items()}
    return PoolImage(**values)


def write_left_out(path: Path, files: Sequence[LeftOut]) -> None:
    """Write the table of files that are not in the pool."""
    write_csv(path, [field.name for field in fields(LeftOut)], map(asdict, files))


def read_left_out(path: Path) -> list[LeftOut]:
    """Read the table of files that are not in the pool; empty where there is none."""
    if not path.is_file():
        return []
    try:
        return [LeftOut(r["path"], r["reason"], r["rayal_id"]) for r in read_csv_rows(path)]
    except KeyError as error:
        raise damaged(path, f"it has no column {error}") from error
