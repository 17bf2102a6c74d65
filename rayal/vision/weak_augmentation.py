"""Copies of an image that must show the same thing.

Weak as in consistency-based active learning (Gao et al. 2020): a crop of at least 80 % of the
area, enlarged to the full size, and a flip where one is allowed. Colors, sharpness and angle stay.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from rayal.vision.augment import crop_and_flip
from rayal.vision.augmentation_params import AugmentationRanges, sample_params
from rayal.vision.device import unit_to_network_range

_CROP = AugmentationRanges(
    crop_scale=(0.8, 1.0),
    flip=False,
    jitter=(0.0, 0.0, 0.0, 0.0),
    jitter_probability=0.0,
    grayscale_probability=0.0,
    blur_probability=0.0,
    blur_sigma=(0.0, 0.0),
    rotation=0.0,
)
_RANGES = {False: _CROP, True: replace(_CROP, flip=True)}


class WeakAugmentation:
    """Draws a weak augmentation of each image of a batch."""

    def __init__(self, flip: bool, seed: int) -> None:
        self.flip = flip
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return copies (n, channels, H, W), 0..1 float32, of images (n, channels, H, W) uint8."""
        return weak_copies(images, self.generator, flip=self.flip)

    def for_network(self, images: torch.Tensor) -> torch.Tensor:
        """Return copies (n, channels, H, W) in -1..1, channels last: what our backbones take."""
        return unit_to_network_range(self(images))


def weak_copies(images: torch.Tensor, generator: torch.Generator, *, flip: bool) -> torch.Tensor:
    """Return a copy (n, channels, H, W), 0..1 float32, of each of n images uint8.

    Args:
        images: (n, channels, H, W) uint8.
        generator: on the CPU.
        flip: mirror copies left and right with probability .5.
    """
    n, _, H, W = images.shape
    params = sample_params(n, (H, W), _RANGES[flip], generator)
    return crop_and_flip(images, params.to(images.device))
