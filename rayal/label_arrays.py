"""Arrays of labels, of both kinds, and what can be asked of either.

* one class an image: (N,) classes from 0, UNLABELED where unknown;
* several classes an image (multilabel): (N, C) of 1 where the image has the class, 0 where it has
  not, UNLABELED where that is unknown. An image without a label has a row of UNLABELED alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

UNLABELED = -1

Labels = npt.NDArray[np.int64]  # (N,) or (N, C)


def is_multilabel(labels: npt.NDArray[Any]) -> bool:
    """Whether each image may have several classes: labels are (N, C)."""
    return labels.ndim == 2


def has_label(labels: Labels) -> npt.NDArray[np.bool_]:
    """Return (N,), whether anything is known of an image."""
    known = labels != UNLABELED
    return np.asarray(known.any(axis=1) if is_multilabel(labels) else known)


def without_labels(like: Labels) -> Labels:
    """Return labels of the same shape, (N,) or (N, C), of which none is known."""
    return np.full(like.shape, UNLABELED, dtype=np.int64)


def mask_labels(labels: Labels, rows: npt.NDArray[np.bool_ | np.int64]) -> Labels:
    """Return labels (N,) or (N, C) without those of some rows: a mask (N,), or positions."""
    others = labels.copy()
    others[rows] = UNLABELED
    return others


def count_by_class(labels: Labels, num_classes: int) -> npt.NDArray[np.int64]:
    """Return (C,), how many images are known to have each class."""
    if is_multilabel(labels):
        return np.asarray((labels == 1).sum(axis=0, dtype=np.int64))
    return np.bincount(labels[labels != UNLABELED], minlength=num_classes)
