"""The strong augmentation of FixMatch: RandAugment and Cutout (Sohn et al. 2020, Appendix E).

Each image is moved, mirrored or not, then changed by two operations drawn for it, each with a
strength of its own, and a grey square of half its side is laid over it. Of FixMatch's fourteen
operations, equalising the histogram is left out, and blurring stands in for the change of
sharpness; the others have its ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch

from rayal.vision import augment
from rayal.vision import classifier_augment as weak
from rayal.vision import color as colour

_OPERATIONS = 2  # applied to each image
_GREY = 0.5

# From images (m, channels, H, W) 0..1 and strengths (m,) -1..1 to changed images.
Operation: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def strong(images: torch.Tensor, generator: torch.Generator, flip: bool) -> torch.Tensor:
    """Return strongly augmented images, -1..1 float32, of images (n, channels, H, W) uint8."""
    changed = weak.crop(images, generator, 0.5 if flip else 0.0).add_(1).div_(2)
    for _ in range(_OPERATIONS):
        changed = one_of_all(changed, generator)
    return cut_out(changed, generator).mul_(2).sub_(1)


def one_of_all(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Change each image (n, channels, H, W), 0..1, by one operation at random."""
    n = len(images)
    which = torch.randint(len(OPERATIONS), (n,), generator=generator)
    strengths = (torch.rand(n, generator=generator) * 2 - 1).to(images.device)
    found = images.clone()
    for number, operation in enumerate(OPERATIONS.values()):
        rows = torch.nonzero(which == number)[:, 0].to(images.device)
        if len(rows):
            found[rows] = operation(images[rows], strengths[rows])
    return found


def cut_out(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Lay a grey square of half the side over each image; it may reach over the border."""
    n, _, H, W = images.shape
    rows = _covered(n, H, H // 2, generator).to(images.device)
    columns = _covered(n, W, W // 2, generator).to(images.device)
    return images.masked_fill_((rows[:, :, None] & columns[:, None])[:, None], _GREY)


def _covered(n: int, size: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Return (n, size): whether a stretch of that length about a random pixel covers a pixel."""
    start = torch.randint(size, (n, 1), generator=generator) - length // 2
    pixel = torch.arange(size)
    return (pixel >= start) & (pixel < start + length)


def _stretched_to_full(images: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Spread the values of each channel over 0..1; a constant channel stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) / (high - low).clamp(min=1e-6), images)


def _posterised(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Keep the 4 to 8 highest of 8 bits."""
    step = 2 ** (2 - 2 * strength).round()[:, None, None, None]
    return (images * 255 / step).add_(1e-3).floor_().mul_(step).div_(255)


def _solarised(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Reverse what is brighter than a threshold of 0..1."""
    threshold = ((strength + 1) / 2)[:, None, None, None]
    return torch.where(images < threshold, images, 1 - images)


def _moved(
    images: torch.Tensor, strength: torch.Tensor, entry: tuple[int, int], most: float
) -> torch.Tensor:
    """Shear or shift: put `most` * strength into one entry of the affine map; black outside."""
    maps = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    maps[:, entry[0], entry[1]] = most * strength
    grid = torch.nn.functional.affine_grid(maps, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)


OPERATIONS: dict[str, Operation] = {
    "identity": lambda images, _: images,
    "autocontrast": _stretched_to_full,
    "brightness": lambda images, s: colour.brighten(images, 0.5 + 0.45 * s),
    "contrast": lambda images, s: colour.stretch(images, 0.5 + 0.45 * s),
    "colour": lambda images, s: colour.saturate(images, 0.5 + 0.45 * s),
    "blur": lambda images, s: augment.blur(images, 1 + s),
    "posterise": _posterised,
    "solarise": _solarised,
    "rotate": lambda images, s: augment.rotate(images, 30 * s),
    "shear_x": partial(_moved, entry=(0, 1), most=0.3),
    "shear_y": partial(_moved, entry=(1, 0), most=0.3),
    "translate_x": partial(_moved, entry=(0, 2), most=0.6),  # the whole side is 2: .3 of it
    "translate_y": partial(_moved, entry=(1, 2), most=0.6),
}
