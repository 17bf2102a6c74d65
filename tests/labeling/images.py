"""Folders of small pictures, and projects made of them, for tests of labeling."""

from pathlib import Path

import numpy as np
from PIL import Image

from rayal.labeling.project import Project
from rayal.labeling.selecting import Request, Selected, first_round, open_or_create

NO_COLUMNS: dict[str, str | None] = {}


def picture(seed: int, side: int = 12) -> Image.Image:
    """Noise that no other seed makes."""
    pixels = np.random.default_rng(seed).integers(256, size=(side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def folder_of(root: Path, count: int, name: str = "{:03d}.png", first: int = 0) -> Path:
    """Make a folder with so many pictures, none like another."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = root / name.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(first + number).save(path)
    return root


def request(images: Path, **more: object) -> Request:
    """A project on raw pixels, which need no weights."""
    return Request(str(images), **{"columns": NO_COLUMNS, "encoder": {"name": "pixels"}, **more})  # type: ignore[arg-type]


def select(
    images: Path, budget: int = 5, audit: int = 0, out: Path | None = None, **more: object
) -> Selected:
    """Make a project, beside the images if nothing else is said, and its first round."""
    root = out or images.with_name(f"{images.name}-labels")
    project = open_or_create(request(images, **more), root)
    return first_round(project, budget, audit, lambda line: None)


def project_of(tmp_path: Path, count: int = 12, budget: int = 5, **more: object) -> Project:
    """A project of so many pictures with its first round."""
    return select(folder_of(tmp_path / "cells", count), budget, **more).project
