"""What a dataset component returns, held to `rayal.contracts.Dataset` before anything is planned.

A label outside the classes would be an image without a label to a trial, two classes of one name
one class in tables: neither would stop it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rayal.contracts import UNLABELED, Dataset, Split
from rayal.hints import is_writable, show_value
from rayal.label_arrays import has_label

_SPLITS = {"train": "to choose from", "test": "to test", "val": "to validate"}


def check_dataset(name: str, data: Any) -> None:
    """Check all but the features, which the encoder checks.

    Args:
        name: the component's.
        data: what it returned.

    Raises:
        ValueError: what is not as the contract says, with its values.
    """
    whose = f"dataset '{name}'"
    if not isinstance(data, Dataset):
        raise ValueError(
            f"{whose} returned {show_value(data)}, of type {type(data).__name__}; "
            "return rayal.contracts.Dataset(name, classes, train, test)"
        )
    _check_names(whose, data)
    splits = {kind: getattr(data, kind) for kind in _SPLITS}
    splits = {kind: own for kind, own in splits.items() if kind != "val" or own is not None}
    for kind, split in splits.items():
        _check_split(f"{whose}: {kind}", kind, split)
        if split.images.shape[1:] != data.train.images.shape[1:]:
            raise ValueError(
                f"{whose}: {kind}.images have the shape {split.images.shape[1:]} each, and those "
                f"of train {data.train.images.shape[1:]}; bring all images to one shape"
            )
    for kind, split in splits.items():
        _check_labels(f"{whose}: {kind}.labels", split, data)
    _check_initial_pool(whose, data)


def _check_names(whose: str, data: Any) -> None:
    if not isinstance(data.name, str) or not data.name.strip():
        raise ValueError(f"{whose}: its name is {show_value(data.name)}; give it a text")
    if isinstance(data.classes, str) or len(data.classes) < 2:
        raise ValueError(
            f"{whose}: classes is {show_value(data.classes)}; name at least 2 classes, such as "
            "('cat', 'dog')"
        )
    names = [str(name) for name in data.classes]
    for name in (data.name, *names):
        if not is_writable(name):
            raise ValueError(
                f"the name {show_value(name)} of a dataset or class is no text that UTF-8 can "
                "write, as plan, records and report do; rename it"
            )
    name, count = Counter(names).most_common(1)[0]
    if count > 1 or not all(each.strip() for each in names):
        what = f"{count} classes are named {name!r}" if count > 1 else "a class has no name"
        raise ValueError(f"{whose}: {what}; give each class a name of its own")


def _check_split(place: str, kind: str, split: Any) -> None:
    if not isinstance(split, Split):
        raise ValueError(f"{place} is of type {type(split).__name__}; give a rayal.contracts.Split")
    _check_arrays(place, split)
    if not len(split.images):
        raise ValueError(f"{place} has no image; at least one is needed {_SPLITS[kind]}")
    for what, own in (("labels", split.labels), ("files", split.files)):
        if own is not None and len(own) != len(split.images):
            raise ValueError(
                f"{place} has {len(own):,} {what} for {len(split.images):,} images; give one for "
                "each"
            )


def _check_arrays(place: str, split: Split) -> None:
    for what in ("images", "labels"):
        array = getattr(split, what)
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{place}.{what} is of type {type(array).__name__}; give an array")
        if np.ma.is_masked(array):  # what is behind a mask would be read all the same
            raise ValueError(
                f"{place}.{what} is a masked array with {np.ma.getmaskarray(array).sum():,} masked "
                "values; leave these images out"
            )
    images, labels = split.images, split.labels
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(
            f"{place}.images is {images.dtype} of shape {images.shape}; uint8 from 0 to 255 of "
            "shape (N, H, W, channels) is needed"
        )
    if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2):
        raise ValueError(
            f"{place}.labels is {labels.dtype} of shape {labels.shape}; integers (N,) are needed, "
            "or (N, C) of 0 and 1 where an image may have several classes"
        )


def _check_labels(place: str, split: Split, data: Dataset) -> None:
    labels, classes = split.labels, len(data.classes)
    if labels.ndim != data.train.labels.ndim or (labels.ndim == 2 and labels.shape[1] != classes):
        raise ValueError(
            f"{place} has the shape {labels.shape}, and train.labels {data.train.labels.shape}, "
            f"of {classes} classes; give (N,) throughout, or (N, {classes}) throughout"
        )
    least, most = (UNLABELED, 1) if labels.ndim == 2 else (0, classes - 1)
    outside = np.argwhere((labels < least) | (labels > most))
    if len(outside):
        raise ValueError(
            f"{place} has {len(outside):,} entries outside {least} to {most}, the first is "
            f"{labels[tuple(outside[0])]} at index {outside[0][0]}; there are {classes} classes"
        )
    unknown = np.flatnonzero(~has_label(labels))
    if len(unknown):
        raise ValueError(
            f"{place}: nothing is known of {len(unknown):,} of {len(labels):,} images, the first "
            f"at index {unknown[0]}; leave them out"
        )


def _check_initial_pool(whose: str, data: Dataset) -> None:
    if data.initial_pool is None:
        return
    positions, size = np.asarray(data.initial_pool), len(data.train.labels)
    fits = positions.dtype.kind in "iu" and positions.ndim == 1
    if not fits or len(np.unique(positions)) != len(positions):
        raise ValueError(f"{whose}: initial_pool is no array (P,) of distinct positions")
    if len(positions) and (positions.min() < 0 or positions.max() >= size):
        raise ValueError(
            f"{whose}: initial_pool has positions from {positions.min()} to {positions.max()}, "
            f"outside 0 to {size - 1}"
        )
