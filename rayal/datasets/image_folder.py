"""Your own images, a folder for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.decode import (
    USUAL_MAX_PIXELS,
    Background,
    Channels,
    Decoding,
    MaxPixels,
    Side,
)
from rayal.datasets._files.decoded_images import Listed, load_pictures
from rayal.datasets._files.listing import folders_in, images_under, is_image, named_folder
from rayal.datasets._files.split import SplitSeed, TestShare, split_by_share


@dataset()
def image_folder(  # noqa: PLR0913  where the files are, how they are split, how decoded
    *,
    path: str,
    test_share: TestShare | None = None,
    split_seed: SplitSeed = 0,
    size: Side = 224,
    channels: Channels = "auto",
    background: Background = "black",
    max_pixels: MaxPixels = USUAL_MAX_PIXELS,
    cache: str = "",
) -> Dataset:
    """Load path/train/CLASS/*, path/test/CLASS/* and, where there is one, path/val/CLASS/*.

    Without train and test folders, path/CLASS/* is split by test_share. Classes are the folders'
    names in sorted order; folders below them count as theirs. The dataset is named after the
    folder. What is no image is passed over.

    Args:
        path: of the folder.
        test_share: of each class, set apart as the test set, where there are no split folders.
        split_seed: of that split.
        size: height and width in pixels: the short side is brought to it, the middle cut out.
        channels: 1 grey, 3 colours, auto: 1 if all files are grey, else 3.
        background: what transparent parts are laid on.
        max_pixels: larger files are refused.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: empty folders or classes, links that leave the folder, files that cannot be
            read.
    """
    root = named_folder(path)
    decoding = Decoding(size, channels, background, max_pixels)
    if (root / "train").is_dir() and (root / "test").is_dir():
        if test_share is not None:
            raise ValueError(f"{root} has folders train and test already: leave test_share out")
        names = {"train": "train", "test": "test"} | (
            {"val": "val"} if (root / "val").is_dir() else {}
        )
        classes, splits = split_folders(root, names)
    else:
        classes, splits = _one_folder(root, test_share, split_seed)
    return load_pictures((root.name, classes), root, splits, decoding, cache)


def split_folders(root: Path, names: Mapping[str, str]) -> tuple[Sequence[str], dict[str, Listed]]:
    """List root/NAME/CLASS/* of each split.

    Args:
        root: the folder.
        names: split -> name of its folder.

    Returns:
        The classes, which are those of the split "train", and the files of each split.

    Raises:
        ValueError: an empty folder, or a class that train has not.
    """
    found = {split: _by_class(root / name, root) for split, name in names.items()}
    classes = sorted(found["train"])
    for split, files in found.items():
        unknown = sorted(set(files) - set(classes))
        if unknown:
            raise ValueError(
                f"{root / names[split]}: class '{unknown[0]}' has no training images: there is no "
                f"{root / names['train'] / unknown[0]}"
            )
    return classes, {split: _listed(files, classes) for split, files in found.items()}


def _one_folder(
    root: Path, test_share: float | None, seed: int
) -> tuple[Sequence[str], dict[str, Listed]]:
    if test_share is None:
        raise ValueError(
            f"{root} has no folders train and test; make them, or say how much of each class is to "
            "test, such as test_share: 0.2"
        )
    files = _by_class(root, root)
    classes = sorted(files)
    return classes, split_by_share(_listed(files, classes), test_share, seed)


def _by_class(folder: Path, root: Path) -> dict[str, list[str]]:
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{folder} is a link out of {root}; put the files themselves there")
    loose = sorted(entry.name for entry in folder.iterdir() if is_image(entry.name))
    if loose:
        raise ValueError(
            f"{folder / loose[0]} lies in no class's folder: {len(loose):,} images have no label"
        )
    found = {name: images_under(inner, root) for name, inner in folders_in(folder, root).items()}
    if not found:
        raise ValueError(f"{folder} is empty: a folder for each class is needed in it")
    for name, files in found.items():
        if not files:
            raise ValueError(f"{folder / name} has no image: add some or remove the folder")
    return found


def _listed(files: Mapping[str, Sequence[str]], classes: Sequence[str]) -> Listed:
    number = {name: c for c, name in enumerate(classes)}
    labels = [np.full(len(of_class), number[name]) for name, of_class in sorted(files.items())]
    names = [file for _, of_class in sorted(files.items()) for file in of_class]
    return Listed(names, np.concatenate(labels).astype(np.int64))
