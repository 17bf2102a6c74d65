"""Where images are worked on, and how they get there."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import torch


def device() -> torch.device:
    """Return the CUDA device where there is one, the CPU otherwise."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Return images (N, H, W, channels) as (N, channels, H, W) uint8 on the device, to be read.

    On a CPU nothing is copied: the tensor is the array, memory-mapped where that is, so nobody may
    write into it. In memory the channels come last, as the networks want them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        whole = torch.from_numpy(np.ascontiguousarray(images))
    return whole.to(device()).permute(0, 3, 1, 2)


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Map 0..255 to -1..1, channels last in memory."""
    scaled = images.float().mul_(2 / 255).sub_(1)
    return scaled.contiguous(memory_format=torch.channels_last)
