"""Published sets of small images of one size, read into arrays by torchvision.datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Dataset, Split
from rayal.datasets._files.locations import check_complete, find_or_fetch


@dataclass(frozen=True)
class PublishedArrays:
    """A set as published.

    torchvision_class: which reads and fetches it.
    marker: a file in torchvision's root that is there when the set is.
    by_hand: the command that fetches and unpacks it; "{folder}" in it is the root.
    class_counts: training images of each class.
    test_images: how many.
    split_argument: the argument of torchvision's class that names a split, and its values for
        training and test set.
    """

    torchvision_class: str
    marker: str
    by_hand: str
    class_counts: Sequence[int]
    test_images: int
    split_argument: tuple[str, Any, Any] = ("train", True, False)

    @property
    def size(self) -> tuple[int, int]:
        """Published (N, C)."""
        return sum(self.class_counts), len(self.class_counts)


def load_published_arrays(
    name: str, published: PublishedArrays, root: str, *, download: bool
) -> Dataset:
    """Load a set; the pool is its training set.

    Args:
        name: of the dataset.
        published: what is known of it.
        root: torchvision's root; "" is RAYAL_DATA, or the usual ones.
        download: fetch it where it is absent.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: its files are damaged or not all there.
    """
    fetch = (lambda folder: open_sets(published, folder, download=True)) if download else None
    by_hand = f"set download: true, or run: {published.by_hand}"
    folder = find_or_fetch(root, published.marker, by_hand, fetch)
    try:
        train, test = open_sets(published, folder, download=False)
    except Exception as error:  # its readers raise whatever damaged bytes lead to
        raise ValueError(
            f"{name} in {folder} is damaged or not all there ({error}); remove it, then: "
            f"{published.by_hand.format(folder=folder)}"
        ) from error
    splits = {"train": _split(train), "test": _split(test)}
    present = {split: len(arrays.labels) for split, arrays in splits.items()}
    N, C = published.size
    check_complete(name, folder, present, {"train": N, "test": published.test_images})
    return Dataset(name, _class_names(train, C), splits["train"], splits["test"])


def open_sets(published: PublishedArrays, folder: Path, *, download: bool) -> tuple[Any, Any]:
    """Return torchvision's training and test set."""
    from rayal.vision.torchvision_cpu import torchvision

    kind = getattr(torchvision().datasets, published.torchvision_class)
    argument, train, test = published.split_argument
    first, second = (
        kind(str(folder), download=download, **{argument: value}) for value in (train, test)
    )
    return first, second


def _class_names(opened: Any, num_classes: int) -> tuple[str, ...]:
    """Return torchvision's names; numbers where they are digits ("0 - zero")."""
    names = getattr(opened, "classes", None)
    if names is None or (num_classes == 10 and str(names[0]).startswith("0")):
        return tuple(str(c) for c in range(num_classes))
    return tuple(names)


def _split(opened: Any) -> Split:
    images = np.asarray(opened.data)
    labels = opened.targets if hasattr(opened, "targets") else opened.labels
    if images.ndim == 3:
        images = images[..., None]
    elif images.shape[1] == 3:  # SVHN has colors first
        images = images.transpose(0, 2, 3, 1)
    return Split(np.ascontiguousarray(images), np.asarray(labels, dtype=np.int64))
