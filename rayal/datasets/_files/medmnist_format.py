"""MedMNIST's file format: {train,val,test}_{images,labels} in one .npz; every array is checked."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import Dataset, Images, Labels, Split
from rayal.datasets._files.class_columns import as_class_columns, is_class_columns
from rayal.datasets._files.lookalikes import is_blank, lookalikes, shown
from rayal.label_arrays import count_by_class
from rayal.storage.archive_errors import ARCHIVE_ERRORS

Array = npt.NDArray[Any]
_SHOWN = 5  # classes in a message
_SPLITS = ("train", "test", "val")


def read_medmnist_file(
    path: Path, name: str, classes: Sequence[str] | None, *, multilabel: bool | None = None
) -> Dataset:
    """Read a file of MedMNIST's format.

    Args:
        path: images uint8 (N, H, W) or (N, H, W, 1 or 3); labels integers (N,) or (N, 1), or (N, C)
            of 0 and 1, -1 where unknown, where an image may have several classes (ChestMNIST); the
            validation arrays may be empty or absent.
        name: of the dataset.
        classes: their names in the order of the labels; None: "0", "1", ... up to the largest
            label, each of which must occur; or of the columns.
        multilabel: whether labels are columns of 0 and 1; None: by their shape, which a file of
            one-hot rows is refused for.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or an array is missing or not as above.
    """
    _check_names(path, classes or ())
    arrays = _arrays(path)
    if is_class_columns(path, {f"{k}_labels": own for k, (_, own) in arrays.items()}, multilabel):
        splits = {
            split: _checked(path, split, *pair, as_class_columns) for split, pair in arrays.items()
        }
        return _with_columns(path, name, classes, splits)
    splits = {split: _checked(path, split, *pair, _as_labels) for split, pair in arrays.items()}
    names = tuple(classes) if classes is not None else _numbered(path, splits)
    if len(names) < 2:
        raise ValueError(f"{path}: at least 2 classes are needed, and there is {len(names)}")
    for split, own in splits.items():
        _check_range(path, f"{split}_labels", own.labels, len(names))
    _warn_of_unlearned(path, names, splits["train"])
    return _dataset(path, name, names, splits)


def _check_names(path: Path, classes: Sequence[str]) -> None:
    """Refuse names of classes that stand twice, look alike or cannot be seen."""
    twice = [name for name in classes if list(classes).count(name) > 1]
    if twice:
        raise ValueError(f"{path}: the class {shown(twice[0])} is named twice: rename one")
    if pair := lookalikes(classes):
        raise ValueError(
            f"{path}: the classes {shown(pair[0])} and {shown(pair[1])} look alike: rename one"
        )
    if any(map(is_blank, classes)):
        raise ValueError(f"{path}: a class has no name that can be seen: name it")


def _with_columns(
    path: Path, name: str, classes: Sequence[str] | None, splits: Mapping[str, Split]
) -> Dataset:
    """Return the dataset whose labels are a column of each class."""
    columns = splits["train"].labels.shape[1]
    names = tuple(classes) if classes is not None else tuple(map(str, range(columns)))
    for split, own in splits.items():
        if own.labels.shape[1] != len(names):
            raise ValueError(
                f"{path}: {split}_labels has {own.labels.shape[1]} columns for {len(names)} classes"
            )
    return _dataset(path, name, names, splits)


def _dataset(
    path: Path, name: str, classes: tuple[str, ...], splits: Mapping[str, Split]
) -> Dataset:
    """Put splits together whose images are of one shape."""
    shape = splits["train"].images.shape[1:]
    for split, own in splits.items():
        if own.images.shape[1:] != shape:
            raise ValueError(
                f"{path}: {split}_images have the shape {own.images.shape[1:]} each, "
                f"train_images {shape}"
            )
    return Dataset(name, classes, splits["train"], splits["test"], splits.get("val"))


def _arrays(path: Path) -> dict[str, tuple[Array, Array]]:
    """Return images and labels of train, test and, unless it is empty or absent, val."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no archive of arrays, or only the beginning of one")
        with np.load(path, allow_pickle=False) as file:
            pairs = {split: _pair(file, split) for split in _SPLITS}
            _warn_of_others(path, file.files)
    except ARCHIVE_ERRORS as error:
        raise ValueError(f"{path} cannot be read as MedMNIST's .npz: {error}") from error
    return {split: pair for split, pair in pairs.items() if pair is not None}


def _warn_of_others(path: Path, names: Sequence[str]) -> None:
    """Tell what is not read: a "valid_images" may be meant as val_images."""
    read = {f"{split}_{what}" for split in _SPLITS for what in ("images", "labels")}
    if others := [name for name in names if name not in read]:
        warnings.warn(
            f"{path}: its arrays {', '.join(others[:_SHOWN])} are not read; those that are read "
            "are called train_images, train_labels and so on, with test and val",
            stacklevel=3,
        )


def _pair(file: np.lib.npyio.NpzFile, split: str) -> tuple[Array, Array] | None:
    keys = f"{split}_images", f"{split}_labels"
    if split == "val" and not set(keys) & set(file.files):
        return None
    for key in keys:
        if key not in file.files:
            raise ValueError(
                f"the array '{key}' is missing; it has {', '.join(file.files)}, and needs "
                "train_images, train_labels, test_images and test_labels"
            )
    images, labels = (_member(file, key) for key in keys)
    return None if split == "val" and images.size == labels.size == 0 else (images, labels)


def _member(file: np.lib.npyio.NpzFile, key: str) -> Array:
    try:
        return np.asarray(file[key])
    except ARCHIVE_ERRORS as error:
        raise ValueError(f"the array '{key}' is damaged or no plain array: {error}") from error


def _checked(
    path: Path, split: str, images: Array, labels: Array, read: Callable[[Path, str, Array], Labels]
) -> Split:
    images = _as_images(path, f"{split}_images", images)
    labels = read(path, f"{split}_labels", labels)
    if len(images) != len(labels):
        raise ValueError(f"{path}: {len(images)} {split}_images, but {len(labels)} {split}_labels")
    return Split(images, labels)


def _as_images(path: Path, key: str, images: Array) -> Images:
    if images.dtype != np.uint8:
        raise ValueError(f"{path}: {key} must be uint8 from 0 to 255, not {images.dtype}")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
        raise ValueError(
            f"{path}: {key} must be (N, H, W) or (N, H, W, 1 or 3), not {images.shape}"
        )
    if len(images) == 0:
        raise ValueError(f"{path}: {key} is empty")
    return images


def _as_labels(path: Path, key: str, labels: Array) -> Labels:
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"{path}: {key} must be integers, not {labels.dtype}")
    if labels.ndim not in (1, 2) or (labels.ndim == 2 and labels.shape[1] != 1):
        raise ValueError(f"{path}: {key} must be (N,) or (N, 1), not {labels.shape}")
    return labels.reshape(-1).astype(np.int64)


def _numbered(path: Path, splits: Mapping[str, Split]) -> tuple[str, ...]:
    """Return names of classes for a file that has none."""
    occurring = np.unique(np.concatenate([split.labels for split in splits.values()]))
    occurring = occurring[occurring >= 0]
    absent = np.flatnonzero(occurring != np.arange(len(occurring)))
    if len(absent):
        raise ValueError(
            f"{path}: labels go up to {occurring[-1]}, but no image has the label {absent[0]}; "
            "name the classes by the parameter 'classes' if this is meant"
        )
    return tuple(str(c) for c in occurring)


def _warn_of_unlearned(path: Path, names: Sequence[str], train: Split) -> None:
    counts = count_by_class(train.labels, len(names))
    without = [name for name, count in zip(names, counts, strict=True) if count == 0]
    if without:
        warnings.warn(
            f"{path}: {len(without):,} of {len(names):,} classes have no image to train and "
            f"cannot be learned: {', '.join(without[:_SHOWN])}",
            stacklevel=3,
        )


def _check_range(path: Path, key: str, labels: Labels, num_classes: int) -> None:
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(outside):
        raise ValueError(
            f"{path}: {len(outside)} of {len(labels)} {key} are outside 0 to {num_classes - 1}, "
            f"the first is {labels[outside[0]]} at index {outside[0]}"
        )
