"""Weakly augmented copies of the pool's images, and their features.

Weak as in consistency-based active learning (Gao et al. 2020), where copies must show the same
thing: a crop of at least 80 % of the area, enlarged to the whole, and a flip where one is allowed.
Colours, sharpness and angle stay.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeAlias

import numpy as np
import torch
from pydantic import Field

from rayal.contracts import Features, Images
from rayal.encoders._features.extraction import BATCH, Extraction, centred, room
from rayal.vision import augment, draws
from rayal.vision.device import to_device

Count: TypeAlias = Annotated[int, Field(ge=0, le=100)]  # copies of each image

_UPRIGHT = draws.Recipe(
    crop_scale=(0.8, 1.0),
    flip=False,
    jitter=(0.0, 0.0, 0.0, 0.0),
    jitter_probability=0.0,
    grey_probability=0.0,
    blur_probability=0.0,
    blur_sigma=(0.0, 0.0),
    rotation=0.0,
)
_RECIPES = {False: _UPRIGHT, True: replace(_UPRIGHT, flip=True)}


def gives(params: Mapping[str, Any]) -> set[str]:
    """Return {"views"} where the parameter `views` asks for any."""
    return {"views"} if params["views"] else set()


class Weak:
    """Draws a weak augmentation of each image of a batch."""

    def __init__(self, flip: bool, seed: int) -> None:
        self._recipe = _RECIPES[flip]
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return copies (n, channels, H, W), 0..1 float32, of images uint8."""
        n, _, H, W = images.shape
        drawn = draws.draw(n, (H, W), self._recipe, self.generator)
        return augment.crop_and_flip(images, drawn.to(images.device))

    def centred(self, images: torch.Tensor) -> torch.Tensor:
        """Return copies in -1..1, channels last in memory: what a backbone takes."""
        return centred(self(images))


def of_network(
    how: Extraction, images: Images, count: int, flip: bool, seed: int
) -> Features | None:
    """Return a backbone's features (A, N, D) of A copies of each image, None for none.

    Batch norm uses its running statistics. Memory holds the features of one copy at a time.

    Args:
        how: the backbone and what it takes.
        images: (N, H, W, channels).
        count: A.
        flip: mirror copies left and right with probability .5.
        seed: of the copies.
    """
    weak = Weak(flip, seed)
    return _stacked(count, lambda: how.of_changed(images, weak))


def of_pixels(images: Images, count: int, flip: bool, seed: int) -> Features | None:
    """Return the pixels (A, N, H * W * channels), 0..1, of A copies of each image, None for none.

    Arguments are those of `of_network`.
    """
    weak = Weak(flip, seed)
    return _stacked(count, lambda: _pixels(images, weak))


def _pixels(images: Images, weak: Weak) -> Features:
    whole = to_device(images)
    found = room(len(images), math.prod(images.shape[1:]))
    for start in range(0, len(images), BATCH):
        copies = weak(whole[start : start + BATCH]).permute(0, 2, 3, 1).flatten(1)
        found[start : start + BATCH] = copies.cpu().numpy()
    return found


def _stacked(count: int, describe: Callable[[], Features]) -> Features | None:
    """Write the features of one copy after another to a file without a name; map it, read-only.

    The file lies in the folder for temporary files (TMPDIR) and goes with the array.
    """
    if count == 0:
        return None
    with tempfile.TemporaryFile() as file:
        for _ in range(count):
            features = np.ascontiguousarray(describe())
            file.write(features.data)
        file.flush()
        return np.memmap(file, np.float32, "r", shape=(count, *features.shape))
