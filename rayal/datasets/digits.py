"""The real images inside scikit-learn: no download, no file."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field

from rayal.contracts import Dataset, Split, dataset
from rayal.datasets._stratified_split import stratified_split

IMAGES, CLASSES = 1797, 10
SPLIT_SEED = 0  # a constant: the split is part of the data, not of an experiment

# Bounds that leave each class several images on both sides.
Fraction: TypeAlias = Annotated[float, Field(ge=0.05, le=0.95)]


def _published(*, test_fraction: float = 0.3) -> tuple[int, int]:
    return IMAGES - math.ceil(test_fraction * IMAGES), CLASSES


@dataset(published=_published)
def digits(*, test_fraction: Fraction = 0.3) -> Dataset:
    """Load 1,797 handwritten digits of 8 x 8 gray pixels, split with equal class shares.

    The files' 17 gray levels are spread over 0 to 255.

    Args:
        test_fraction: of each class, set apart as the test set.
    """
    table = np.loadtxt(_file(), delimiter=",")  # (IMAGES, 64 + 1), the last column the class
    images = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(IMAGES, 8, 8, 1)
    labels = table[:, -1].astype(np.int64)
    train, test = stratified_split(labels, math.ceil(test_fraction * IMAGES), SPLIT_SEED)
    return Dataset(
        name="digits",
        classes=tuple(str(c) for c in range(CLASSES)),
        train=Split(images[train], labels[train]),
        test=Split(images[test], labels[test]),
    )


def _file() -> Path:
    """Find scikit-learn's file without its import, which takes a second."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("scikit-learn, which holds the digits, is not installed")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
