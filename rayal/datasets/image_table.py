"""Your own images in one folder, their labels in a CSV file (HAM10000's form)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.decode import (
    DEFAULT_MAX_PIXELS,
    DEFAULT_SIDE,
    Background,
    Channels,
    Decoding,
    MaxPixels,
    Side,
)
from rayal.datasets._files.decoded_images import FileList, load_decoded
from rayal.datasets._files.image_index import ImageIndex
from rayal.datasets._files.label_table import Columns, Row, read_rows
from rayal.datasets._files.passed_over import OTHER, PassedOver
from rayal.datasets._files.scan import existing_folder, list_images
from rayal.datasets._files.split import SplitSeed, TestShare, split_by_share

DEFAULT_SHARE = 0.2
Separator: TypeAlias = Literal[";", "|", ","]
Listed: TypeAlias = Callable[[Sequence[Row]], FileList]


@dataset(added={"separator"})
def image_table(  # noqa: PLR0913  two places, the table's columns, the split, the decoding
    *,
    path: str,
    table: str,
    image: str = "image",
    label: str = "label",
    split: str | None = None,
    group: str | None = None,
    separator: Separator | None = None,
    test_share: TestShare | None = None,
    split_seed: SplitSeed = 0,
    size: Side = DEFAULT_SIDE,
    channels: Channels = "auto",
    background: Background = "black",
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
    cache: str = "",
) -> Dataset:
    """Load the images that a CSV file lists; the dataset is named after the folder.

    An image is named by its path in the folder, by its file's name or by that without the
    extension, in whatever folder below it lies. Classes are the labels in sorted order. Images
    that no row names are left out, with a warning. HAM10000: `image: image_id, label: dx, group:
    lesion_id`.

    What is ambiguous is refused, with its line: quotes that are not closed, rows longer or
    shorter than the first line, two columns of one name, labels or groups that look alike (mel,
    MEL; 1, 1.0), labels that name several classes ("mel; nv" where mel is a label too).

    Args:
        path: folder of the images.
        table: path of the CSV file. Its first line names the columns; its cells are separated by
            commas, semicolons or tabs; it is UTF-8, or UTF-16 with a byte-order mark.
        image: the column of images.
        label: the column of labels.
        split: a column of train, val or test.
        group: a column such as the patient; a group is never in both train and test.
        separator: what separates the classes of an image that may have several, such as
            "mel; nv"; an empty cell then means none of the classes.
        test_share: share of each class for the test set, if there is no split column; 0.2 if not
            given. An image of several classes counts for the rarest of them.
        split_seed: seed of that random split.
        size: height and width in pixels; the short side is scaled to it, and the middle cut out.
        channels: 1 for gray, 3 for color; auto: 1 if all files are gray, else 3.
        background: color behind transparent parts.
        max_pixels: images with more pixels are refused.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: there is no such folder or table.
        ValueError: a table whose meaning is not certain, a row without image or label, an image
            with two labels, a group on both sides, files that cannot be read.
    """
    root, file = existing_folder(path), Path(table).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}; name one by the parameter table")
    if split is not None and test_share is not None:
        raise ValueError(f"{file}: the column '{split}' splits it already: leave test_share out")
    passed_over = PassedOver()
    images = list_images(root, root, passed_over)
    rows = read_rows(file, Columns(image, label, split, group, separator), ImageIndex(root, images))
    if len(images) > len(rows):
        warnings.warn(
            f"{root}: {len(images) - len(rows):,} of {len(images):,} images are left out, because "
            f"no row of {file} names them",
            stacklevel=2,
        )
    passed_over.warn(root, but=OTHER)
    classes = sorted({name for row in rows for name in row.classes})
    listed = partial(_listed, classes=classes, several=separator is not None)
    splits = (
        _split_by_share(rows, listed, test_share or DEFAULT_SHARE, split_seed)
        if split is None
        else _split_by_column(rows, listed)
    )
    decoding = Decoding(size, channels, background, max_pixels)
    return load_decoded((root.name, classes), root, splits, decoding, cache)


def _listed(rows: Sequence[Row], classes: Sequence[str], *, several: bool) -> FileList:
    """Return files with the class of each (N,), or of several classes a column for each (N, C)."""
    number = {name: c for c, name in enumerate(classes)}
    files = [row.file for row in rows]
    if not several:
        return FileList(files, np.array([number[row.label] for row in rows], dtype=np.int64))
    labels = np.zeros((len(rows), len(classes)), dtype=np.int64)
    for row, columns in zip(rows, labels, strict=True):
        columns[[number[name] for name in row.classes]] = 1
    return FileList(files, labels)


def _split_by_column(rows: list[Row], listed: Listed) -> dict[str, FileList]:
    parts = {name: [row for row in rows if row.split == name] for name in ("train", "test", "val")}
    return {name: listed(part) for name, part in parts.items() if part or name != "val"}


def _split_by_share(
    rows: list[Row], listed: Listed, share: float, seed: int
) -> dict[str, FileList]:
    # Where there is no group, each image is its own: an image is listed once.
    _, groups = np.unique([row.group or f"\0{row.file}" for row in rows], return_inverse=True)
    return split_by_share(listed(rows), share, seed, groups)
