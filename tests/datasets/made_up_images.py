"""Small image files whose pixels can be told after they were packed."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save(path: Path, pixels: Any, mode: str | None = None, **options: Any) -> Path:
    """Save an array, or an image, under a path whose folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def noise(seed: int, height: int = 6, width: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)


def plain(color: tuple[int, int, int], height: int = 6, width: int = 6) -> np.ndarray:
    return np.full((height, width, 3), color, dtype=np.uint8)


def folder_of_classes(root: Path, classes: dict[str, int], first: int = 0) -> Path:
    """Make root/CLASS/NUMBER.png, each with noise of its own."""
    for c, (name, count) in enumerate(classes.items()):
        for i in range(count):
            save(root / name / f"{i:03d}.png", noise(first + 1000 * c + i))
    return root
