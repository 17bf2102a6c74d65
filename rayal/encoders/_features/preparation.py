"""From images as they are stored to what a ready-made network was trained to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import torch
from pydantic import Field

from rayal.vision.device import upload

ImageSize: TypeAlias = Annotated[int, Field(ge=8, le=1024)]  # pixels a side

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)  # mean and std that map 0..1 to -1..1


@dataclass(frozen=True)
class Preparation:
    """Resize, repeat gray in three colors, standardize each color.

    size: pixels of the square that images become; None leaves theirs. An image that is not square
    is stretched: nothing of it is cropped. channels: that the network takes.
    """

    size: int | None
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bicubic: bool = False

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network takes, of images (n, channels, H, W) uint8."""
        return self.from_unit_range(images.float().div_(255))

    def from_unit_range(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network takes, of images (n, channels, H, W) 0..1 float32."""
        images = self._resize(images).expand(-1, self.channels, -1, -1)
        mean, std = (upload(torch.tensor(v), images.device) for v in (self.mean, self.std))
        if self.channels == 1:
            mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
        standardized = (images - mean[:, None, None]) / std[:, None, None]
        return standardized.contiguous(memory_format=torch.channels_last)

    def _resize(self, images: torch.Tensor) -> torch.Tensor:
        if self.size is None or images.shape[2:] == (self.size, self.size):
            return images
        mode = "bicubic" if self.bicubic else "bilinear"
        square = (self.size, self.size)
        resized = torch.nn.functional.interpolate(images, square, mode=mode, antialias=True)
        return resized.clamp_(0, 1)


def check_channels(images: int, network: int) -> None:
    """Refuse color images for a network of gray ones.

    Args:
        images: channels of the images.
        network: channels that the network takes.

    Raises:
        ValueError: the images have more channels than the network takes, and not three of one.
    """
    if images not in (1, network):
        raise ValueError(
            f"images of {images} channels do not fit weights for {network}; give gray images, "
            f"or weights of a network for {images} channels"
        )
