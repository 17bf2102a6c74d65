"""The random parameters of MoCo v2's augmentations (Chen et al. 2020b; HaCon, Table 3).

Each image has its own; the order of the four color adjustments alone is shared by an eighth of a
batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:  # at run time where it is needed: a plan does without
    import torch

AugmentationName: TypeAlias = Literal["rgb", "rgb_no_blur", "ct", "grey"]

GROUPS = 8  # parts of a batch with a color order of their own; on a CPU a part fits the cache
_CROP_ATTEMPTS = 10  # crops tried before the full image is taken
_LOG_ASPECT_RATIO = math.log(4 / 3)


@dataclass(frozen=True)
class AugmentationRanges:
    """Ranges that the random parameters are drawn from."""

    crop_scale: tuple[float, float]  # fraction of the image's area
    flip: bool
    jitter: tuple[float, float, float, float]  # brightness, contrast, saturation, hue
    jitter_probability: float
    grayscale_probability: float
    blur_probability: float
    blur_sigma: tuple[float, float]  # pixels
    rotation: float  # degrees either way


_RGB = AugmentationRanges((0.08, 1.0), True, (0.4, 0.4, 0.4, 0.1), 0.8, 0.2, 0.5, (0.1, 2.0), 0.0)
_WITHOUT_GRAYSCALE_AND_BLUR = replace(_RGB, grayscale_probability=0.0, blur_probability=0.0)
_RANGES: dict[AugmentationName, AugmentationRanges] = {
    "rgb": _RGB,
    "rgb_no_blur": replace(_RGB, blur_probability=0.0),
    "ct": replace(_WITHOUT_GRAYSCALE_AND_BLUR, rotation=45.0),
    "grey": replace(_WITHOUT_GRAYSCALE_AND_BLUR, rotation=10.0),
}


def augmentation_ranges(
    name: AugmentationName, crop_scale: tuple[float, float], flip: bool
) -> AugmentationRanges:
    """Return the ranges of that name with this range of crops, mirrored or not.

    Args:
        name: rgb is MoCo v2's; rgb_no_blur, without its blur, is what HaCon's released code trains
            CIFAR under; ct has a rotation of up to 45 degrees in place of grayscale and
            blur; `grey` has one of up to 10 degrees, for pictures of writing and the like.
        crop_scale: smallest and largest fraction of the image's area that a crop takes.
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
    return replace(_RANGES[name], crop_scale=crop_scale, flip=flip)


@dataclass(frozen=True)
class AugmentationParams:
    """Random parameters of n images, (n,) each, apart from order (GROUPS, 4)."""

    top: torch.Tensor
    left: torch.Tensor
    height: torch.Tensor  # of the crop, pixels
    width: torch.Tensor
    flip: torch.Tensor  # bool
    brightness: torch.Tensor  # factors; 1 changes nothing
    contrast: torch.Tensor
    saturation: torch.Tensor
    hue: torch.Tensor  # full turns; 0 changes nothing
    order: torch.Tensor  # of brightness, contrast, saturation, hue
    grayscale: torch.Tensor  # bool
    sigma: torch.Tensor  # of the blur, pixels; 0 changes nothing
    angle: torch.Tensor  # degrees, counter-clockwise

    def to(self, device: torch.device) -> AugmentationParams:
        """Move all but the order, which Python reads."""
        from rayal.vision.device import upload

        return self._map(lambda values: upload(values, device))

    def rows(self, rows: slice) -> AugmentationParams:
        """Return the parameters of some of the images; the order stays whole."""
        return self._map(lambda values: values[rows])

    def _map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> AugmentationParams:
        names = [f.name for f in fields(self) if f.name != "order"]
        return replace(self, **{name: function(getattr(self, name)) for name in names})


def sample_params(
    n: int, size: tuple[int, int], ranges: AugmentationRanges, generator: torch.Generator
) -> AugmentationParams:
    """Draw the parameters of n images of size (H, W), as torchvision's transforms would."""
    import torch

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def bernoulli(probability: float) -> torch.Tensor:
        return torch.rand(n, generator=generator) < probability

    top, left, height, width = _sample_crops(n, size, ranges.crop_scale, generator)
    jittered = bernoulli(ranges.jitter_probability)
    factors = [torch.where(jittered, uniform(1 - s, 1 + s), 1.0) for s in ranges.jitter[:3]]
    hue = torch.where(jittered, uniform(-ranges.jitter[3], ranges.jitter[3]), 0.0)
    blurred = bernoulli(ranges.blur_probability)
    return AugmentationParams(
        top=top,
        left=left,
        height=height,
        width=width,
        flip=bernoulli(0.5 if ranges.flip else 0.0),
        brightness=factors[0],
        contrast=factors[1],
        saturation=factors[2],
        hue=hue,
        order=torch.rand(GROUPS, 4, generator=generator).argsort(1),
        grayscale=bernoulli(ranges.grayscale_probability),
        sigma=torch.where(blurred, uniform(*ranges.blur_sigma), 0.0),
        angle=uniform(-ranges.rotation, ranges.rotation),
    )


def _sample_crops(
    n: int, size: tuple[int, int], scale: tuple[float, float], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return top, left, height, width, (n,) each, in pixels.

    As RandomResizedCrop: the first of ten attempts that fits into the image, or the full image.
    """
    import torch

    H, W = size
    shape = (n, _CROP_ATTEMPTS)
    area = H * W * (torch.rand(shape, generator=generator) * (scale[1] - scale[0]) + scale[0])
    ratio = torch.exp((torch.rand(shape, generator=generator) * 2 - 1) * _LOG_ASPECT_RATIO)
    width, height = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (width > 0) & (width <= W) & (height > 0) & (height <= H)
    first = fits.int().argmax(1, keepdim=True)
    uncropped = ~fits.any(1)
    width = torch.where(uncropped, W, width.gather(1, first)[:, 0])
    height = torch.where(uncropped, H, height.gather(1, first)[:, 0])
    top = (torch.rand(n, generator=generator) * (H - height + 1)).floor()
    left = (torch.rand(n, generator=generator) * (W - width + 1)).floor()
    return top, left, height, width
