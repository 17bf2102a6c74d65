"""Folders of images, one a class, alone or below folders for train, val and test."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rayal.datasets._files.companions import (
    TARGETS,
    check_no_companions,
    warn_of_versions,
)
from rayal.datasets._files.decoded_images import FileList
from rayal.datasets._files.lookalikes import lookalikes, means_missing, shown
from rayal.datasets._files.passed_over import PassedOver
from rayal.datasets._files.scan import is_image, list_images, subfolders
from rayal.datasets._files.split_names import (
    hinted_split,
    is_fold,
    is_part_of_split,
    split_of,
)

_THUMBNAILS = frozenset({"thumb", "thumbs", "thumbnail", "thumbnails", "_thumbs"})
_PICTURES = frozenset({"image", "images", "img", "imgs", "photos"})
# What is added to the name of a folder of which there is a copy, or an earlier version.
_COPY = re.compile(r"(?: - copy| copy|[ _.-](?:bak|backup|old))?(?: ?\(\d+\))?$", re.IGNORECASE)


def find_splits(root: Path) -> dict[str, str]:
    """Return split -> name of its folder where a folder has some for train and test, else {}.

    Names count in upper or lower case, and as long forms (Training, valid). Other folders beside
    them are left out, with a warning.

    Raises:
        ValueError: two folders of one split, a folder to train without one to test, or names that
            speak of splits in other words.
    """
    folders = subfolders(root, root)
    names: dict[str, str] = {}
    for name in folders:
        split = split_of(name)
        if split in names:
            raise ValueError(f"{root} has the folders {names[split]} and {name}: leave one of them")
        if split:
            names[split] = name
    if {"train", "test"} <= names.keys():
        _warn_of_others(root, [name for name in folders if name not in names.values()])
        return names
    _check_no_split(root, folders, names)
    return {}


def split_folders(
    root: Path, names: Mapping[str, str]
) -> tuple[Sequence[str], dict[str, FileList]]:
    """List root/NAME/CLASS/* of each split; files passed over are told by a warning.

    Args:
        root: the folder.
        names: split -> name of its folder.

    Returns:
        The classes, which are those of the split "train", and the files of each split.

    Raises:
        ValueError: an empty folder, or a class that train has not.
    """
    counts = PassedOver()
    subfolders(root, root, counts)
    by_split = {split: files_by_class(root / name, root, counts) for split, name in names.items()}
    counts.warn(root)
    classes = sorted(by_split["train"])
    for split, files in by_split.items():
        unknown = sorted(set(files) - set(classes))
        if unknown:
            raise ValueError(
                f"{root / names[split]}: class '{unknown[0]}' has no training images: there is no "
                f"{root / names['train'] / unknown[0]}"
            )
    return classes, {split: file_list(files, classes) for split, files in by_split.items()}


def files_by_class(folder: Path, root: Path, passed_over: PassedOver) -> dict[str, list[str]]:
    """Return class -> its images, relative to root; classes are the folders right in a folder.

    Raises:
        ValueError: no folder, one without images, images beside the folders, a link out of root,
            classes that look alike, folders that are hardly classes.
    """
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{folder} is a link out of {root}; put the files themselves there")
    classes = subfolders(folder, root, passed_over)
    loose = sorted(entry.name for entry in folder.iterdir() if is_image(entry.name))
    if loose:
        raise ValueError(
            f"{folder / loose[0]} lies in no class's folder: {len(loose):,} images have no label; "
            f"to choose which of them to label first: rayal select {folder}"
        )
    if not classes:
        raise ValueError(f"{folder} is empty: a folder for each class is needed in it")
    _check_classes(folder, list(classes))
    files = {name: _images_of(inner, root, passed_over) for name, inner in classes.items()}
    _warn_of_nesting(folder, root, files)
    warn_of_versions(folder, [file for of_class in files.values() for file in of_class])
    return files


def file_list(files: Mapping[str, Sequence[str]], classes: Sequence[str]) -> FileList:
    """Return the files of all classes and their labels (N,), positions in `classes`."""
    number = {name: c for c, name in enumerate(classes)}
    labels = [np.full(len(of_class), number[name]) for name, of_class in sorted(files.items())]
    names = [file for _, of_class in sorted(files.items()) for file in of_class]
    return FileList(names, np.concatenate(labels).astype(np.int64))


def _images_of(folder: Path, root: Path, passed_over: PassedOver) -> list[str]:
    counts = PassedOver()
    images = list_images(folder, root, counts)
    if not images:
        files = f"; it has files that are passed over: {counts}" if str(counts) else ""
        raise ValueError(f"{folder} has no image: add some or remove the folder{files}")
    for inner in sorted({image.rpartition("/")[0] for image in images}):
        if _THUMBNAILS & set(inner.lower().split("/")):
            raise ValueError(
                f"{root / inner} has images that may be thumbnails of others: remove the folder, "
                "or rename it if they are images of their own"
            )
    check_no_companions(folder, root, images)
    _check_no_splits_within(folder, root, images)
    passed_over.update(counts)
    return images


def _check_classes(folder: Path, names: Sequence[str]) -> None:
    pair = lookalikes(names)
    if pair:
        raise ValueError(
            f"{folder}: the classes {shown(pair[0])} and {shown(pair[1])} look alike; put their "
            "images into one folder if they are one class, or else rename one of them"
        )
    for name in names:
        if (first := _COPY.sub("", name)) != name and first in names:
            raise ValueError(
                f"{folder}: the folder {name} may be a copy or an earlier version of {first}, and "
                "would be a class of its own: remove it, or rename it if it is one"
            )
    plain = {name.casefold() for name in names}
    if plain & _PICTURES and plain & TARGETS:
        raise ValueError(
            f"{folder} has the folders {', '.join(names)}: images and what belongs to them are no "
            "classes; a folder for each class is needed, or a table of labels (image_table)"
        )
    for name in names:
        if not means_missing(name) and name.casefold() not in TARGETS:
            continue
        warnings.warn(
            f"{folder}: the folder {name} is taken as a class like any other", stacklevel=2
        )


def _check_no_splits_within(folder: Path, root: Path, images: Sequence[str]) -> None:
    """Refuse a class with folders train and test in it: another split than theirs would be made."""
    start = len(folder.resolve().relative_to(root.resolve()).parts)
    inner = {part for image in images for part in image.split("/")[start:-1]}
    names = {split_of(name): name for name in sorted(inner) if split_of(name)}
    if {"train", "test"} <= names.keys():
        raise ValueError(
            f"{folder} has folders {names['train']} and {names['test']} in it, and folders of "
            f"classes lie within these: make {root / 'train' / folder.name} and "
            f"{root / 'test' / folder.name}"
        )


def _check_no_split(root: Path, folders: Mapping[str, Path], names: Mapping[str, str]) -> None:
    """Refuse folders that are splits and would be taken as classes."""
    for split, name in names.items():
        if _holds_folders_alone(folders[name]):
            other = "test" if split == "train" else "train"
            raise ValueError(
                f"{root} has a folder {name} with folders in it, and none named {other}: of what "
                f"it has ({', '.join(folders)}), name one so"
            )
    hints = {name: hinted_split(name) for name in folders}
    hinted = [name for name, hint in hints.items() if hint]
    are_parts = len(folders) > 1 and all(map(is_part_of_split, folders))
    if are_parts or len({hints[name] for name in hinted}) > 1:
        raise ValueError(
            f"{root}: the folders {', '.join(hinted)} are not classes by their names; name them "
            "train, test and, if there is one, val"
        )

    if len(folders) > 1 and all(map(is_fold, folders)):
        raise ValueError(
            f"{root}: the folders {', '.join(folders)} are parts of a cross-validation by their "
            "names and no classes; make folders train and test of them, or a table with a column "
            "that says which is which (image_table, split)"
        )


def _holds_folders_alone(folder: Path) -> bool:
    has_images = any(is_image(entry.name) for entry in folder.iterdir())
    return bool(subfolders(folder, folder)) and not has_images


def _warn_of_others(root: Path, names: Sequence[str]) -> None:
    """Warn of images beside the splits, and of other folders."""
    parts = [f"{name} ({_content(root / name, root)})" for name in names]
    loose = sum(is_image(entry.name) for entry in root.iterdir())
    parts += [f"{loose:,} images in no folder"] if loose else []
    if parts:
        warnings.warn(
            f"{root}: besides the folders to train and to test these are left out: "
            f"{', '.join(parts)}",
            stacklevel=3,
        )


def _content(folder: Path, root: Path) -> str:
    counts = PassedOver()
    images = len(list_images(folder, root, counts))
    return ", ".join(filter(None, [f"{images:,} images", str(counts)]))


def _warn_of_nesting(folder: Path, root: Path, files: Mapping[str, Sequence[str]]) -> None:
    """Warn where the classes may lie one level deeper: all hold the same folders, and no image."""
    depth = len(folder.resolve().relative_to(root.resolve()).parts) + 1
    if any(file.count("/") == depth for of_class in files.values() for file in of_class):
        return
    below = [{file.split("/")[depth] for file in of_class} for of_class in files.values()]
    common = sorted(set.intersection(*below))
    if len(common) > 1:
        warnings.warn(
            f"{folder}: the classes are its folders {', '.join(files)}; the folders "
            f"{', '.join(common[:5])}, which all of them have, are no classes",
            stacklevel=3,
        )
