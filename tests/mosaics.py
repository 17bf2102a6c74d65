"""Pictures of several things each, as ChestMNIST stores them: labels (N, C) uint8 of 0 and 1."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

SIZES = {"train": 240, "val": 40, "test": 160}
CLASSES = 10


def mosaics(
    pieces: np.ndarray, classes: np.ndarray, count: int, rng: np.random.Generator, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (n, H, 2 W[, channels]) of two pieces or one, and labels (n, C) uint8.

    Args:
        pieces: (P, H, W[, channels]) uint8.
        classes: (P,) of the pieces.
        count: n.
        rng: draws the pieces; one in five pictures has an empty half, one in twenty-five two.
        num_classes: C.
    """
    chosen = rng.integers(len(pieces), size=(count, 2))
    empty = rng.random((count, 2)) < 0.2
    halves = np.where(empty.reshape(count, 2, *[1] * (pieces.ndim - 1)), 0, pieces[chosen])
    labels = np.zeros((count, num_classes), dtype=np.uint8)
    for half in range(2):
        there = ~empty[:, half]
        labels[np.flatnonzero(there), classes[chosen[there, half]]] = 1
    return np.concatenate([halves[:, 0], halves[:, 1]], axis=2).astype(np.uint8), labels


def digits_file(path: Path, sizes: dict[str, int] | None = None, seed: int = 0) -> Path:
    """Write pictures of two digits, 8 x 16, in MedMNIST's format; return the path."""
    data = load_digits()
    pieces, rng = (data.images * 15).astype(np.uint8), np.random.default_rng(seed)
    arrays = {}
    for split, count in (sizes or SIZES).items():
        images, labels = mosaics(pieces, data.target, count, rng, CLASSES)
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    np.savez(path, **arrays)
    return path


def cells_file(path: Path, cells: Path, sizes: dict[str, int], seed: int = 0) -> Path:
    """Write pictures of two real blood cells, 28 x 56, in MedMNIST's format; return the path.

    Pieces of a split are of that split of the cells' file.
    """
    arrays, rng = {}, np.random.default_rng(seed)
    with np.load(cells) as file:
        for split, count in sizes.items():
            pieces, classes = file[f"{split}_images"], file[f"{split}_labels"].reshape(-1)
            images, labels = mosaics(pieces, classes, count, rng, 8)
            arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    np.savez(path, **arrays)
    return path
