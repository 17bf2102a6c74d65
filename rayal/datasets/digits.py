"""The real images inside scikit-learn: no download, no file."""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field

from rayal.contracts import Dataset, Split, dataset

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
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(IMAGES), test_size=test_fraction, stratify=labels, random_state=SPLIT_SEED
    )
    return Dataset(
        name="digits",
        classes=tuple(str(c) for c in range(CLASSES)),
        train=Split(images[np.sort(train)], labels[np.sort(train)]),
        test=Split(images[np.sort(test)], labels[np.sort(test)]),
    )
