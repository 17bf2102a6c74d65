"""A pool's images as the report shows them: features, true classes, small pictures.

Features lie in an encoder's artefact (train.npy), classes and pictures with the dataset. Raw pixels
as features can be shown themselves. All is memory-mapped: only what is asked for is read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rayal.contracts import DatasetMap
from rayal.label_arrays import is_multilabel
from rayal.storage.dataset_images import StoredImages

Indices = npt.NDArray[np.int64]
UNKNOWN = -1


class EmbeddedImages:
    """Images of one dataset as one encoder saw them."""

    def __init__(self, folder: Path, encoder: str, images: StoredImages) -> None:
        self._encoder, self._images = encoder, images
        self.features = _mapped(folder / "train.npy", dimensions=(2,))

    def classes(self, indices: Indices) -> Indices | None:
        """True classes (n,) of images, -1 where unknown.

        None where none are stored, and where an image may have several.
        """
        labels = self._images.labels
        if labels is None or is_multilabel(labels) or not _within(indices, labels):
            return None
        return np.asarray(labels[indices], np.int64)

    def classes_of_each(self, indices: Indices) -> list[list[int]]:
        """The true classes of each image (n,): one, several or none; none where unknown."""
        labels = self._images.labels
        if labels is None or not _within(indices, labels):
            return [[] for _ in indices]
        if is_multilabel(labels):
            return [np.flatnonzero(row == 1).tolist() for row in labels[indices]]
        return [[int(c)] if c != UNKNOWN else [] for c in labels[indices]]

    def paths(self, indices: Indices) -> list[str] | None:
        """Names of the files of images (n,); None where the data do not come in files."""
        files = self._images.files
        if files is None or (len(indices) and int(indices.max()) >= len(files)):
            return None
        return [files[index] for index in indices]

    def pictures(self, indices: Indices) -> npt.NDArray[np.uint8] | None:
        """Pictures (n, H, W[, 3]) of images; None where none are stored."""
        stored = self._images.thumbnails
        if stored is not None:
            return np.array(stored[indices], np.uint8) if _within(indices, stored) else None
        if self._encoder != "pixels" or self.features is None:
            return None
        shape = _image_shape(self.features.shape[1])
        if shape is None or not _within(indices, self.features):
            return None
        scaled: npt.NDArray[np.float32] = np.clip(self.features[indices] * 255, 0, 255).round()
        return scaled.astype(np.uint8).reshape(len(indices), *shape)


class StoredEmbedding(NamedTuple):
    """An embedding on disk, by the labels of its dataset and encoder.

    key: its id, the name of its folder; classes: names of the dataset's classes, C or none.
    """

    key: str
    dataset: str
    encoder: str
    classes: list[str]
    images: EmbeddedImages
    dataset_map: DatasetMap | None
    multilabel: bool = False  # an image may have several classes

    @property
    def place(self) -> dict[str, str]:
        """Columns that tell its rows from those of others."""
        return {"dataset": self.dataset, "encoder": self.encoder, "artefact": self.key}


def _mapped(path: Path, dimensions: Sequence[int]) -> npt.NDArray[Any] | None:
    """Map an array; None where it is absent, damaged or of another form."""
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.ndim in dimensions else None


def _within(indices: Indices, rows: npt.NDArray[Any]) -> bool:
    return len(indices) == 0 or (int(indices.min()) >= 0 and int(indices.max()) < len(rows))


def _image_shape(size: int) -> tuple[int, ...] | None:
    """Height, width and channels of square images of so many values."""
    for channels in (1, 3):
        side = math.isqrt(size // channels)
        if side > 1 and side * side * channels == size:
            return (side, side) if channels == 1 else (side, side, channels)
    return None
