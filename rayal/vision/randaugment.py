"""The strong augmentation of FixMatch: RandAugment and Cutout (Sohn et al. 2020, Appendix E).

Each image is shifted, mirrored or not, then changed by two operations drawn for it, each with a
magnitude of its own, and a gray square of half its side is laid over it. Of FixMatch's fourteen
operations, equalizing the histogram is left out, and blurring stands in for the change of
sharpness; the others have its ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch

from rayal.vision.augment import affine, blur, rotate
from rayal.vision.classifier_augment import random_crop
from rayal.vision.color import adjust_brightness, adjust_contrast, adjust_saturation

_OPERATIONS_PER_IMAGE = 2
_GRAY = 0.5

# From images (n, channels, H, W) 0..1 and magnitudes (n,) -1..1 to changed images.
Operation: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def randaugment(images: torch.Tensor, generator: torch.Generator, flip: bool) -> torch.Tensor:
    """Return strongly augmented images, -1..1 float32, of images (n, channels, H, W) uint8."""
    changed = random_crop(images, generator, 0.5 if flip else 0.0).add_(1).div_(2)
    for _ in range(_OPERATIONS_PER_IMAGE):
        changed = apply_random_operations(changed, generator)
    return cutout(changed, generator).mul_(2).sub_(1)


def apply_random_operations(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Change each image (n, channels, H, W), 0..1, by one operation drawn for it."""
    n = len(images)
    which = torch.randint(len(OPERATIONS), (n,), generator=generator)
    magnitudes = (torch.rand(n, generator=generator) * 2 - 1).to(images.device)
    changed = images.clone()
    for number, operation in enumerate(OPERATIONS.values()):
        rows = torch.nonzero(which == number)[:, 0].to(images.device)
        if len(rows):
            changed[rows] = operation(images[rows], magnitudes[rows])
    return changed


def cutout(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Lay a gray square of half the side over each (n, channels, H, W); in place.

    Its center is any pixel, so that it may reach over the border.
    """
    n, _, H, W = images.shape
    rows = _covered(n, H, H // 2, generator).to(images.device)
    columns = _covered(n, W, W // 2, generator).to(images.device)
    return images.masked_fill_((rows[:, :, None] & columns[:, None])[:, None], _GRAY)


def _covered(n: int, size: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Return (n, size): whether a stretch of that length about a random pixel covers a pixel."""
    start = torch.randint(size, (n, 1), generator=generator) - length // 2
    pixel = torch.arange(size)
    return (pixel >= start) & (pixel < start + length)


def _autocontrast(images: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Stretch the values of each channel to 0..1; a constant channel stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) / (high - low).clamp(min=1e-6), images)


def _posterize(images: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """Keep the 4 to 8 highest of 8 bits."""
    step = 2 ** (2 - 2 * magnitude).round()[:, None, None, None]
    return (images * 255 / step).add_(1e-3).floor_().mul_(step).div_(255)


def _solarize(images: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """Invert what is brighter than a threshold of 0..1."""
    threshold = ((magnitude + 1) / 2)[:, None, None, None]
    return torch.where(images < threshold, images, 1 - images)


def _shear_or_translate(
    images: torch.Tensor, magnitude: torch.Tensor, entry: tuple[int, int], largest: float
) -> torch.Tensor:
    """Put `largest` * magnitude into one entry of the affine map; black outside."""
    maps = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    maps[:, entry[0], entry[1]] = largest * magnitude
    return affine(images, maps)


OPERATIONS: dict[str, Operation] = {
    "identity": lambda images, _: images,
    "autocontrast": _autocontrast,
    "brightness": lambda images, m: adjust_brightness(images, 0.5 + 0.45 * m),
    "contrast": lambda images, m: adjust_contrast(images, 0.5 + 0.45 * m),
    "color": lambda images, m: adjust_saturation(images, 0.5 + 0.45 * m),
    "blur": lambda images, m: blur(images, 1 + m),
    "posterize": _posterize,
    "solarize": _solarize,
    "rotate": lambda images, m: rotate(images, 30 * m),
    "shear_x": partial(_shear_or_translate, entry=(0, 1), largest=0.3),
    "shear_y": partial(_shear_or_translate, entry=(1, 0), largest=0.3),
    # The side of an image is 2 in affine_grid's coordinates: .3 of it.
    "translate_x": partial(_shear_or_translate, entry=(0, 2), largest=0.6),
    "translate_y": partial(_shear_or_translate, entry=(1, 2), largest=0.6),
}
