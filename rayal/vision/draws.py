"""The random parameters of MoCo v2's augmentations (Chen et al. 2020b; HaCon, Table 3).

Each image has its own; only the order of the four colour changes is shared by an eighth of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

import torch

Augmentation: TypeAlias = Literal["rgb", "ct", "grey"]

GROUPS = 8  # parts of a batch with a colour order of their own; on a CPU a part fits the cache
_TRIES = 10  # crops tried before the whole image is taken
_LOG_RATIO = math.log(4 / 3)


@dataclass(frozen=True)
class Recipe:
    """Ranges that the random parameters are drawn from."""

    crop_scale: tuple[float, float]  # part of the image's area
    flip: bool
    jitter: tuple[float, float, float, float]  # brightness, contrast, saturation, hue
    jitter_probability: float
    grey_probability: float
    blur_probability: float
    blur_sigma: tuple[float, float]  # pixels
    rotation: float  # degrees either way


_RGB = Recipe((0.08, 1.0), True, (0.4, 0.4, 0.4, 0.1), 0.8, 0.2, 0.5, (0.1, 2.0), 0.0)
_RECIPES: dict[Augmentation, Recipe] = {
    "rgb": _RGB,
    "ct": replace(_RGB, grey_probability=0.0, blur_probability=0.0, rotation=45.0),
    "grey": replace(_RGB, grey_probability=0.0, blur_probability=0.0, rotation=10.0),
}


def recipe(name: Augmentation, crop_scale: tuple[float, float], flip: bool) -> Recipe:
    """Return a recipe with this range of crops, mirrored or not.

    Args:
        name: rgb is MoCo v2's; ct has a rotation of up to 45 degrees in place of grey and blur;
            grey has one of up to 10 degrees, for pictures of writing and the like.
        crop_scale: smallest and largest part of the image's area that a crop takes.
        flip: mirror left and right with probability .5.

    Raises:
        ValueError: the range of crops is empty or leaves 0..1.
    """
    low, high = crop_scale
    if not 0 < low <= high <= 1:
        raise ValueError(
            f"crop_scale=({low:g}, {high:g}) is no range of parts of an image; "
            "give 0 < smallest <= largest <= 1"
        )
    return replace(_RECIPES[name], crop_scale=crop_scale, flip=flip)


@dataclass(frozen=True)
class Draw:
    """Random parameters of n images: one row an image, apart from order (GROUPS, 4)."""

    top: torch.Tensor
    left: torch.Tensor
    height: torch.Tensor  # of the crop, pixels
    width: torch.Tensor
    flip: torch.Tensor  # bool
    brightness: torch.Tensor  # factors; 1 changes nothing
    contrast: torch.Tensor
    saturation: torch.Tensor
    hue: torch.Tensor  # turns; 0 changes nothing
    order: torch.Tensor  # of brightness, contrast, saturation, hue
    grey: torch.Tensor  # bool
    sigma: torch.Tensor  # of the blur, pixels; 0 changes nothing
    angle: torch.Tensor  # degrees, counter-clockwise

    def to(self, device: torch.device) -> Draw:
        """Move all but the order, which Python reads."""
        return self._of_each(lambda values: values.to(device, non_blocking=True))

    def rows(self, part: slice) -> Draw:
        return self._of_each(lambda values: values[part])

    def _of_each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Draw:
        names = [f.name for f in fields(self) if f.name != "order"]
        return replace(self, **{name: change(getattr(self, name)) for name in names})


def draw(n: int, size: tuple[int, int], chosen: Recipe, generator: torch.Generator) -> Draw:
    """Draw the parameters of n images of size (H, W), as torchvision's transforms would."""

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def happens(probability: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) < probability

    top, left, height, width = _draw_crops(n, size, chosen.crop_scale, generator)
    jittered = happens(chosen.jitter_probability)
    factors = [torch.where(jittered, uniform(1 - s, 1 + s), 1.0) for s in chosen.jitter[:3]]
    hue = torch.where(jittered, uniform(-chosen.jitter[3], chosen.jitter[3]), 0.0)
    blurred = happens(chosen.blur_probability)
    return Draw(
        top=top,
        left=left,
        height=height,
        width=width,
        flip=happens(0.5 if chosen.flip else 0.0),
        brightness=factors[0],
        contrast=factors[1],
        saturation=factors[2],
        hue=hue,
        order=torch.rand(GROUPS, 4, generator=generator).argsort(1),
        grey=happens(chosen.grey_probability),
        sigma=torch.where(blurred, uniform(*chosen.blur_sigma), 0.0),
        angle=uniform(-chosen.rotation, chosen.rotation),
    )


def _draw_crops(
    n: int, size: tuple[int, int], scale: tuple[float, float], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return top, left, height, width: the first of ten tries that fits, or the whole image."""
    H, W = size
    area = H * W * (torch.rand(n, _TRIES, generator=generator) * (scale[1] - scale[0]) + scale[0])
    turn = torch.exp((torch.rand(n, _TRIES, generator=generator) * 2 - 1) * _LOG_RATIO)
    width, height = (area * turn).sqrt().round(), (area / turn).sqrt().round()
    fits = (width > 0) & (width <= W) & (height > 0) & (height <= H)
    first = fits.int().argmax(1, keepdim=True)
    whole = ~fits.any(1)
    width = torch.where(whole, W, width.gather(1, first)[:, 0])
    height = torch.where(whole, H, height.gather(1, first)[:, 0])
    top = (torch.rand(n, generator=generator) * (H - height + 1)).floor()
    left = (torch.rand(n, generator=generator) * (W - width + 1)).floor()
    return top, left, height, width
