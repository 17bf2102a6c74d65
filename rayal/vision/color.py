"""Color adjustments of images (n, channels, H, W) in 0..1, with a factor (n,) for each image.

The definitions are torchvision's: an adjustment mixes an image with black (brightness), its mean
gray (contrast) or its own gray values (saturation), or rotates the hue, and the result is clamped.
torchvision takes one factor for a batch; these take one for each image and work in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

_LUMA = (0.2989, 0.587, 0.114)  # weights of red, green and blue (ITU-R 601)


class ColorFactors(Protocol):
    """What `color_jitter` reads, (n,) each."""

    @property
    def brightness(self) -> torch.Tensor: ...
    @property
    def contrast(self) -> torch.Tensor: ...
    @property
    def saturation(self) -> torch.Tensor: ...
    @property
    def hue(self) -> torch.Tensor: ...
    @property
    def grayscale(self) -> torch.Tensor: ...


def color_jitter(images: torch.Tensor, order: Sequence[int], factors: ColorFactors) -> torch.Tensor:
    """Adjust images (n, channels, H, W) in place, then turn some to gray; return them.

    One-channel images have neither saturation nor hue.

    Args:
        images: (n, channels, H, W) in 0..1.
        order: of brightness (0), contrast (1), saturation (2) and hue (3).
        factors: of each adjustment, and which images become gray.
    """
    rgb = images.shape[1] == 3
    for which in order:
        if which == 0:
            adjust_brightness(images, factors.brightness)
        elif which == 1:
            adjust_contrast(images, factors.contrast)
        elif which == 2 and rgb:
            adjust_saturation(images, factors.saturation)
        elif which == 3 and rgb:
            adjust_hue(images, factors.hue)
    return adjust_saturation(images, (~factors.grayscale).float()) if rgb else images


def adjust_brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply images (n, channels, H, W) by a factor (n,), in place."""
    return images.mul_(_per_image(factor)).clamp_(0, 1)


def adjust_contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Scale the distance of images (n, channels, H, W) from their mean gray by (n,), in place."""
    mean = to_gray(images).mean((1, 2, 3), keepdim=True)
    return images.mul_(_per_image(factor)).add_(mean * (1 - _per_image(factor))).clamp_(0, 1)


def adjust_saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Scale the distance of (n, 3, H, W) from each pixel's gray by (n,), in place; 0 is gray."""
    gray = to_gray(images).mul_(1 - _per_image(factor))
    return images.mul_(_per_image(factor)).add_(gray).clamp_(0, 1)


def blend(
    images: torch.Tensor, factor: torch.Tensor, gray: torch.Tensor, mean: torch.Tensor
) -> torch.Tensor:
    """Change brightness, contrast or saturation of each of (n, channels, H, W), in place.

    Each image becomes factor * image + gray * its gray values + mean * their mean, by weights
    (n,): with f a change's factor (f, 0, 0), (f, 0, 1 - f) and (f, 1 - f, 0); (1, 0, 0) is none.
    """
    values = to_gray(images)
    of_mean = values.mean((1, 2, 3), keepdim=True).mul_(_per_image(mean))
    added = values.mul_(_per_image(gray)).add_(of_mean)
    return images.mul_(_per_image(factor)).add_(added).clamp_(0, 1)


def adjust_hue(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Rotate the hue of images (n, 3, H, W) by full turns (n,), in place.

    The lightest and the darkest channel keep their values. In the hexagon of hues (0..6; red 0,
    green 2, blue 4) a channel is lowest + chroma * ramp(hue), with ramps |h - 3| - 1,
    2 - |h - 2| and 2 - |h - 4| clipped to 0..1.
    """
    red, green, blue = images.unbind(1)
    highest, lowest = images.amax(1), images.amin(1)
    chroma = highest - lowest
    hue = torch.where(highest == green, blue - red, red - green)
    hue = torch.where(highest == red, green - blue, hue).div_(chroma.clamp(min=1e-12))
    sector = torch.where(highest == green, 2.0, 4.0)
    hue += torch.where(highest == red, 0.0, sector)
    hue = hue.add_(6 * turns[:, None, None]).remainder_(6)
    for channel, (middle, sign, shift) in zip(
        (red, green, blue), ((3, 1, -1), (2, -1, 2), (4, -1, 2)), strict=True
    ):
        ramp = (hue - middle).abs_().mul_(sign).add_(shift).clamp_(0, 1)
        torch.addcmul(lowest, chroma, ramp, out=channel)
    return images


def to_gray(images: torch.Tensor) -> torch.Tensor:
    """Return gray values (n, 1, H, W) of (n, channels, H, W); of one channel, a copy of it."""
    if images.shape[1] == 1:
        return images.clone()
    red, green, blue = images.unbind(1)
    gray = (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    return gray[:, None]


def _per_image(factor: torch.Tensor) -> torch.Tensor:
    return factor[:, None, None, None]
