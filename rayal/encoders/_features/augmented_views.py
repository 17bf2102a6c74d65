"""Weakly augmented copies ("views") of the pool's images, and their features.

The augmentation is that of `rayal.vision.weak_augmentation`.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from pydantic import Field

from rayal.contracts import Features, Images

if TYPE_CHECKING:  # at run time where it is needed: a plan does without PyTorch
    from rayal.encoders._features.extraction import FeatureExtractor
    from rayal.vision.weak_augmentation import WeakAugmentation

ViewCount: TypeAlias = Annotated[int, Field(ge=0, le=100)]  # copies of each image


def gives(params: Mapping[str, Any]) -> set[str]:
    """Return {"views"} where the parameter `views` asks for any."""
    return {"views"} if params["views"] else set()


def draws(params: Mapping[str, Any]) -> bool:
    """Whether the parameter `views` asks for any: nothing else of such an encoder is random."""
    return bool(params["views"])


def view_features(
    extractor: FeatureExtractor, images: Images, count: int, flip: bool, seed: int
) -> Features | None:
    """Return a backbone's features (A, N, D) of A copies of each image, None for none.

    Batch norm uses its running statistics. Memory holds the features of one copy at a time.

    Args:
        extractor: the backbone and what it takes.
        images: (N, H, W, channels).
        count: A.
        flip: mirror copies left and right with probability .5.
        seed: of the copies.
    """
    from rayal.vision.weak_augmentation import WeakAugmentation

    augment = WeakAugmentation(flip, seed)
    return _stack_in_file(count, lambda: extractor.extract_changed(images, augment))


def view_pixels(images: Images, count: int, flip: bool, seed: int) -> Features | None:
    """Return the pixels (A, N, H * W * channels), 0..1, of A copies of each image, None for none.

    Args:
        images: (N, H, W, channels).
        count: A.
        flip: mirror copies left and right with probability .5.
        seed: of the copies.
    """
    from rayal.vision.weak_augmentation import WeakAugmentation

    augment = WeakAugmentation(flip, seed)
    return _stack_in_file(count, lambda: _augmented_pixels(images, augment))


def _augmented_pixels(images: Images, augment: WeakAugmentation) -> Features:
    from rayal.encoders._features.extraction import BATCH, allocate_features
    from rayal.vision.device import to_device

    tensor = to_device(images)
    pixels = allocate_features(len(images), math.prod(images.shape[1:]))
    for start in range(0, len(images), BATCH):
        copies = augment(tensor[start : start + BATCH]).permute(0, 2, 3, 1).flatten(1)
        pixels[start : start + BATCH] = copies.cpu().numpy()
    return pixels


def _stack_in_file(count: int, make_features: Callable[[], Features]) -> Features | None:
    """Write the features (N, D) of one copy after another to a file; map it, read-only.

    The file has no name, lies in the folder for temporary files (TMPDIR) and goes with the array.
    """
    if count == 0:
        return None
    with tempfile.TemporaryFile() as file:
        for _ in range(count):
            features = np.ascontiguousarray(make_features())
            file.write(features.data)
        file.flush()
        return np.memmap(file, np.float32, "r", shape=(count, *features.shape))
