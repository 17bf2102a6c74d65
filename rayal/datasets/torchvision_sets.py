"""Published sets of small images of one size, read by torchvision.datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Dataset, Split, dataset
from rayal.datasets._files.locations import check_complete, located


@dataclass(frozen=True)
class _Set:
    """A set as published.

    marker: a file that is there when the set is; archive: what it comes in, with the command that
    unpacks it; counts: training images of each class; test: images; train_as: the argument of
    torchvision's class that names a split, and its values.
    """

    kind: str
    marker: str
    by_hand: str
    counts: Sequence[int]
    test: int
    train_as: tuple[str, Any, Any] = ("train", True, False)


_TORONTO = (
    "mkdir -p {{folder}} && curl -L https://www.cs.toronto.edu/~kriz/{} | tar xz -C {{folder}}"
)
_MNIST = " ".join(
    f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}-ubyte.gz -O"
    for name in (
        "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1",
    )
)  # fmt: skip
_SVHN = " ".join(
    f"http://ufldl.stanford.edu/housenumbers/{name}_32x32.mat -O" for name in ("train", "test")
)

SETS = {
    "cifar10": _Set(
        "CIFAR10",
        "cifar-10-batches-py/data_batch_1",
        _TORONTO.format("cifar-10-python.tar.gz"),
        [5_000] * 10,
        10_000,
    ),
    "cifar100": _Set(
        "CIFAR100",
        "cifar-100-python/train",
        _TORONTO.format("cifar-100-python.tar.gz"),
        [500] * 100,
        10_000,
    ),
    "mnist": _Set(
        "MNIST",
        "MNIST/raw/train-images-idx3-ubyte",
        "mkdir -p {folder}/MNIST/raw && cd {folder}/MNIST/raw && "
        f"curl -L {_MNIST} && gunzip *.gz",
        [5_923, 6_742, 5_958, 6_131, 5_842, 5_421, 5_918, 6_265, 5_851, 5_949],
        10_000,
    ),
    "svhn": _Set(
        "SVHN",
        "train_32x32.mat",
        f"mkdir -p {{folder}} && cd {{folder}} && curl -L {_SVHN}",
        [4_948, 13_861, 10_585, 8_497, 7_458, 6_882, 5_727, 5_595, 5_045, 4_659],
        26_032,
        ("split", "train", "test"),
    ),
}

_TEXT = {
    "cifar10": "50,000 photographs of 32 x 32 to choose from, 10 classes; 10,000 to test",
    "cifar100": "50,000 photographs of 32 x 32 to choose from, 100 classes; 10,000 to test",
    "mnist": "60,000 handwritten digits of 28 x 28 grey pixels to choose from; 10,000 to test",
    "svhn": "73,257 house numbers' digits of 32 x 32 to choose from (without the 531,131 extra "
    "ones); 26,032 to test",
}


def _register(name: str) -> None:
    def published(**_: object) -> tuple[int, int]:
        return sum(SETS[name].counts), len(SETS[name].counts)

    def load(*, root: str = "", download: bool = False) -> Dataset:
        facts = SETS[name]
        fetch = (lambda folder: _open(facts, folder, download=True)) if download else None
        by_hand = f"set download: true, or run: {facts.by_hand}"
        folder = located(root, facts.marker, by_hand, fetch)
        return _as_dataset(name, facts, folder)

    load.__name__ = load.__qualname__ = name
    load.__doc__ = f"""Load {name}: {_TEXT[name]}.

    The pool is the published training set.

    Args:
        root: torchvision's root, the folder that holds {SETS[name].marker}; "" is RAYAL_DATA, or
            the usual ones.
        download: fetch it where it is absent.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: its files are damaged or not all there.
    """
    dataset(published=published, class_counts=lambda **_: SETS[name].counts)(load)


for _name in SETS:
    _register(_name)


def _open(facts: _Set, folder: Path, *, download: bool) -> tuple[Any, Any]:
    """Return torchvision's training and test set."""
    from rayal.vision.torchvision_cpu import torchvision

    kind = getattr(torchvision().datasets, facts.kind)
    argument, train, test = facts.train_as
    first, second = (
        kind(str(folder), download=download, **{argument: value}) for value in (train, test)
    )
    return first, second


def _as_dataset(name: str, facts: _Set, folder: Path) -> Dataset:
    try:
        train, test = _open(facts, folder, download=False)
    except Exception as error:  # its readers raise whatever damaged bytes lead to
        raise ValueError(
            f"{name} in {folder} is damaged or not all there ({error}); remove it, then: "
            f"{facts.by_hand.format(folder=folder)}"
        ) from error
    splits = {"train": _split(train), "test": _split(test)}
    found = {split: len(made.labels) for split, made in splits.items()}
    check_complete(name, folder, found, {"train": sum(facts.counts), "test": facts.test})
    classes = _names(train, len(facts.counts))
    return Dataset(name, classes, splits["train"], splits["test"])


def _names(read: Any, num_classes: int) -> tuple[str, ...]:
    """Return torchvision's names; numbers where they are digits ("0 - zero")."""
    names = getattr(read, "classes", None)
    if names is None or (num_classes == 10 and str(names[0]).startswith("0")):
        return tuple(str(c) for c in range(num_classes))
    return tuple(names)


def _split(read: Any) -> Split:
    images = np.asarray(read.data)
    labels = np.asarray(read.targets if hasattr(read, "targets") else read.labels, dtype=np.int64)
    if images.ndim == 3:
        images = images[..., None]
    elif images.shape[1] == 3:  # SVHN has colours first
        images = images.transpose(0, 2, 3, 1)
    return Split(np.ascontiguousarray(images), labels)
