"""The device that images are processed on, and their way there."""

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
        tensor = torch.from_numpy(np.ascontiguousarray(images))
    return tensor.to(device()).permute(0, 3, 1, 2)


def upload(values: torch.Tensor, where: torch.device) -> torch.Tensor:
    """Return values (n, ...) of the CPU on a device; nothing waits for the transfer to a GPU."""
    if where.type != "cuda":
        return values
    return values.pin_memory().to(where, non_blocking=True)


def bytes_to_network_range(images: torch.Tensor) -> torch.Tensor:
    """Map images (n, channels, H, W) from 0..255 to -1..1 float32, channels last in memory."""
    scaled = images.float().mul_(2 / 255).sub_(1)
    return scaled.contiguous(memory_format=torch.channels_last)


def unit_to_network_range(images: torch.Tensor) -> torch.Tensor:
    """Map images (n, channels, H, W) from 0..1 to -1..1, in place, channels last in memory."""
    return images.mul_(2).sub_(1).contiguous(memory_format=torch.channels_last)
