"""Colour changes of images (n, channels, H, W) in 0..1, with a factor (n,) for each image.

The definitions are torchvision's: a change mixes an image with black (brightness), its mean grey
(contrast) or its own grey values (saturation), or turns the hue, and the result is clamped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

_GREY = (0.2989, 0.587, 0.114)  # weights of red, green and blue (ITU-R 601)


class Factors(Protocol):
    """What `change` reads: each (n,)."""

    @property
    def brightness(self) -> torch.Tensor: ...
    @property
    def contrast(self) -> torch.Tensor: ...
    @property
    def saturation(self) -> torch.Tensor: ...
    @property
    def hue(self) -> torch.Tensor: ...
    @property
    def grey(self) -> torch.Tensor: ...


def change(images: torch.Tensor, order: Sequence[int], factors: Factors) -> torch.Tensor:
    """Jitter in the given order of brightness, contrast, saturation, hue; then grey out, in place.

    One-channel images have neither saturation nor hue.
    """
    colours = images.shape[1] == 3
    for which in order:
        if which == 0:
            brighten(images, factors.brightness)
        elif which == 1:
            stretch(images, factors.contrast)
        elif which == 2 and colours:
            saturate(images, factors.saturation)
        elif which == 3 and colours:
            turn_hue(images, factors.hue)
    return saturate(images, (~factors.grey).float()) if colours else images


def brighten(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply, in place."""
    return images.mul_(_each(factor)).clamp_(0, 1)


def stretch(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Move away from the mean grey value of the image, in place."""
    mean = _grey(images).mean((1, 2, 3), keepdim=True)
    return images.mul_(_each(factor)).add_(mean * (1 - _each(factor))).clamp_(0, 1)


def saturate(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Move away from the grey value of each pixel, in place; factor 0 leaves grey alone."""
    grey = _grey(images).mul_(1 - _each(factor))
    return images.mul_(_each(factor)).add_(grey).clamp_(0, 1)


def turn_hue(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turn the hue of RGB images, in place; lightest and darkest channel keep their values.

    In the hexagon of hues (0..6; red 0, green 2, blue 4) a channel is
    lowest + chroma * ramp(hue), with ramps |h - 3| - 1, 2 - |h - 2| and 2 - |h - 4| cut to 0..1.
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


def _grey(images: torch.Tensor) -> torch.Tensor:
    """Return grey values (n, 1, H, W); those of a grey image are its own."""
    if images.shape[1] == 1:
        return images.clone()
    red, green, blue = images.unbind(1)
    grey = (red * _GREY[0]).add_(green, alpha=_GREY[1]).add_(blue, alpha=_GREY[2])
    return grey[:, None]


def _each(factor: torch.Tensor) -> torch.Tensor:
    return factor[:, None, None, None]
