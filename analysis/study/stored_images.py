"""What an encoder's artefact holds of a pool's images: features, true classes, small pictures.

    train.npy       features (N, D) float32, always there
    labels.npy      true classes (N,) int, -1 where unknown; may be absent
    thumbnails.npy  pictures (N, H, W) or (N, H, W, 3) uint8; may be absent

Raw pixels as features can be shown themselves. All is memory-mapped: only what is asked for is
read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
UNKNOWN = -1


class Pool:
    """Images of one dataset as one encoder saw them."""

    def __init__(self, folder: Path, encoder: str) -> None:
        self._folder = folder
        self._encoder = encoder
        self.features = _mapped(folder / "train.npy", dimensions=(2,))

    def classes(self, indices: Indices) -> Indices | None:
        """True classes of images, -1 where unknown; None where the artefact has none."""
        labels = _mapped(self._folder / "labels.npy", dimensions=(1,))
        if labels is None or not _within(indices, labels):
            return None
        return np.asarray(labels[indices], np.int64)

    def pictures(self, indices: Indices) -> npt.NDArray[np.uint8] | None:
        """Pictures (n, H, W[, 3]) of images; None where the artefact has none."""
        stored = _mapped(self._folder / "thumbnails.npy", dimensions=(3, 4))
        if stored is not None:
            return np.array(stored[indices], np.uint8) if _within(indices, stored) else None
        if self._encoder != "pixels" or self.features is None:
            return None
        shape = _image_shape(self.features.shape[1])
        if shape is None or not _within(indices, self.features):
            return None
        scaled: npt.NDArray[np.float32] = np.clip(self.features[indices] * 255, 0, 255).round()
        return scaled.astype(np.uint8).reshape(len(indices), *shape)


def _mapped(path: Path, dimensions: Sequence[int]) -> npt.NDArray[Any] | None:
    """Map an array; None where it is absent, damaged or of another form."""
    try:
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.ndim in dimensions else None


def _within(indices: Indices, rows: npt.NDArray[Any]) -> bool:
    return len(indices) == 0 or (int(indices.min()) >= 0 and int(indices.max()) < len(rows))


def _image_shape(size: int) -> tuple[int, ...] | None:
    """Height, width and channels of square images of so many values."""
    for channels in (1, 3):
        side = math.isqrt(size // channels)
        if side > 1 and side * side * channels == size:
            return (side, side) if channels == 1 else (side, side, channels)
    return None
