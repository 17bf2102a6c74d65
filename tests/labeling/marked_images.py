"""Small pictures with several marks, each a class, or with none, and projects of them."""

from pathlib import Path

import numpy as np
from PIL import Image

from rayal.labeling.project import Project
from tests.labeling.images import select

CLASSES = ("bar", "corner", "dot")
_PLACES = {"bar": np.s_[:, 6:9], "corner": np.s_[:5, :5], "dot": np.s_[11:15, 11:15]}


def marks_of(number: int) -> tuple[str, ...]:
    """Which classes a picture has: all eight sets take turns, the empty one first."""
    return tuple(name for bit, name in enumerate(CLASSES) if number >> bit & 1)


def folder_of_marks(root: Path, count: int) -> Path:
    """Make a folder of pictures 000.png and on, each with its marks on a dark ground of noise."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(20, 60, (16, 16), dtype=np.uint8)
        for name in marks_of(number):
            pixels[_PLACES[name]] = 220
        Image.fromarray(pixels).save(root / f"{number:03d}.png")
    return root


def number_of(path: str) -> int:
    """Return the number of a picture from its path."""
    return int(Path(path).stem)


def project_of_marks(tmp_path: Path, count: int = 16, budget: int = 5, **more: object) -> Project:
    """Return a project whose images may have several classes, with its first round."""
    images = folder_of_marks(tmp_path / "marks", count)
    return select(images, budget, classes=CLASSES, multilabel=True, **more).project
