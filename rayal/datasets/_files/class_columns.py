"""Labels of several classes an image: (N, C), a column of 0 and 1 for each class, -1 unknown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import Labels
from rayal.label_arrays import has_label

Array = npt.NDArray[Any]


def is_class_columns(path: Path, labels: Mapping[str, Array], stated: bool | None) -> bool:
    """Whether labels (N, C) are a column of each class.

    Args:
        path: of the file, for messages.
        labels: the arrays of labels by their names in the file.
        stated: what a person says of it; None: by their shape.

    Raises:
        ValueError: nobody says so, and each row names exactly one class: these may be one-hot rows.
    """
    if stated is not None:
        return stated
    wide = [own for own in labels.values() if own.ndim == 2 and own.shape[1] > 1]
    if not wide:
        return False
    if all(map(_is_one_hot, wide)):
        raise ValueError(
            f"{path}: each row of {', '.join(labels)} names exactly one class: give one class "
            "number an image (labels.argmax(axis=1)), or say multilabel: true if an image may "
            "have several"
        )
    return True


def as_class_columns(path: Path, key: str, labels: Array) -> Labels:
    """Return labels (N, C) as int64.

    Raises:
        ValueError: they are no integers of 0, 1 and -1 in two or more columns, or of an image
            nothing is known.
    """
    if labels.ndim != 2 or labels.shape[1] < 2:
        raise ValueError(
            f"{path}: {key} must be (N, C), a column for each of at least 2 classes, not "
            f"{labels.shape}"
        )
    if not (np.issubdtype(labels.dtype, np.integer) or labels.dtype == bool):
        raise ValueError(f"{path}: {key} must be integers, not {labels.dtype}")
    wrong = np.argwhere((labels < -1) | (labels > 1))  # before the cast: that may wrap
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path}: {key} has {len(wrong)} entries other than 0, 1 and -1 (unknown), the first "
            f"is {labels[row, column]} at index {row}, column {column}"
        )
    columns = labels.astype(np.int64)
    unknown = np.flatnonzero(~has_label(columns))
    if len(unknown):
        raise ValueError(
            f"{path}: of {len(unknown)} of {len(columns)} images {key} says nothing (-1 in all "
            f"columns), the first at index {unknown[0]}: leave these images out"
        )
    return columns


def _is_one_hot(labels: Array) -> bool:
    """Whether each row is of zeros and a single one."""
    return bool((labels.max(axis=1) == 1).all() and (np.abs(labels).sum(axis=1) == 1).all())
