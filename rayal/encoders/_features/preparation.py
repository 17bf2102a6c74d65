"""From images as they are stored to what a ready-made network was trained to take."""

from __future__ import annotations

from dataclasses import dataclass

import torch

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)  # mean and std that map 0..1 to -1..1


@dataclass(frozen=True)
class Preparation:
    """Enlarge or shrink, spread grey over three colours, standardise each colour.

    size: pixels of the square that images become; None leaves theirs. An image that is not square
    is stretched: nothing of it is cut away. channels: that the network takes.
    """

    size: int | None
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    cubic: bool = False

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network takes, of images (n, channels, H, W) uint8."""
        return self.of_unit(images.float().div_(255))

    def of_unit(self, images: torch.Tensor) -> torch.Tensor:
        """Return the same of images 0..1 float32."""
        images = self._resized(images).expand(-1, self.channels, -1, -1)
        mean, std = (torch.tensor(v, device=images.device) for v in (self.mean, self.std))
        if self.channels == 1:
            mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
        found = (images - mean[:, None, None]) / std[:, None, None]
        return found.contiguous(memory_format=torch.channels_last)

    def _resized(self, images: torch.Tensor) -> torch.Tensor:
        if self.size is None or images.shape[2:] == (self.size, self.size):
            return images
        mode = "bicubic" if self.cubic else "bilinear"
        square = (self.size, self.size)
        found = torch.nn.functional.interpolate(images, square, mode=mode, antialias=True)
        return found.clamp_(0, 1)


def check_channels(images: int, network: int) -> None:
    """Refuse colour images for a network of grey ones.

    Raises:
        ValueError: the images have more channels than the network takes, and not three of one.
    """
    if images not in (1, network):
        raise ValueError(
            f"images of {images} channels do not fit weights for {network}; give grey images, "
            f"or weights of a network for {images} channels"
        )
