"""Where images are worked on, and how they get there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch


def device() -> torch.device:
    """Return the CUDA device where there is one, the CPU otherwise."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Put images (N, H, W, channels) as (N, channels, H, W) uint8 on the device, whole."""
    planes = torch.from_numpy(np.array(images.transpose(0, 3, 1, 2), order="C"))
    return planes.to(device())


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Map 0..255 to -1..1, channels last in memory."""
    scaled = images.float().mul_(2 / 255).sub_(1)
    return scaled.contiguous(memory_format=torch.channels_last)
