"""Folders of images, one a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rayal.datasets._files.decoded_images import FileList
from rayal.datasets._files.scan import is_image, list_images, subfolders


def split_folders(
    root: Path, names: Mapping[str, str]
) -> tuple[Sequence[str], dict[str, FileList]]:
    """List root/NAME/CLASS/* of each split.

    Args:
        root: the folder.
        names: split -> name of its folder.

    Returns:
        The classes, which are those of the split "train", and the files of each split.

    Raises:
        ValueError: an empty folder, or a class that train has not.
    """
    found = {split: files_by_class(root / name, root) for split, name in names.items()}
    classes = sorted(found["train"])
    for split, files in found.items():
        unknown = sorted(set(files) - set(classes))
        if unknown:
            raise ValueError(
                f"{root / names[split]}: class '{unknown[0]}' has no training images: there is no "
                f"{root / names['train'] / unknown[0]}"
            )
    return classes, {split: file_list(files, classes) for split, files in found.items()}


def files_by_class(folder: Path, root: Path) -> dict[str, list[str]]:
    """Return class -> its images, relative to root; classes are the folders right in a folder.

    Raises:
        ValueError: no folder, one without images, images beside the folders, a link out of root.
    """
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{folder} is a link out of {root}; put the files themselves there")
    loose = sorted(entry.name for entry in folder.iterdir() if is_image(entry.name))
    if loose:
        raise ValueError(
            f"{folder / loose[0]} lies in no class's folder: {len(loose):,} images have no label"
        )
    found = {name: list_images(inner, root) for name, inner in subfolders(folder, root).items()}
    if not found:
        raise ValueError(f"{folder} is empty: a folder for each class is needed in it")
    for name, files in found.items():
        if not files:
            raise ValueError(f"{folder / name} has no image: add some or remove the folder")
    return found


def file_list(files: Mapping[str, Sequence[str]], classes: Sequence[str]) -> FileList:
    """Return the files of all classes and their labels (N,), positions in `classes`."""
    number = {name: c for c, name in enumerate(classes)}
    labels = [np.full(len(of_class), number[name]) for name, of_class in sorted(files.items())]
    names = [file for _, of_class in sorted(files.items()) for file in of_class]
    return FileList(names, np.concatenate(labels).astype(np.int64))
