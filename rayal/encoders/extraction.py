"""From images to features with a finished backbone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from rayal.contracts import Dataset, Features, Images
from rayal.encoders import networks


def device() -> torch.device:
    """Return the CUDA device where there is one, the CPU otherwise."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(images: Images) -> torch.Tensor:
    """Put images (N, H, W, channels) as (N, channels, H, W) uint8 on the device, whole."""
    planes = torch.from_numpy(np.array(images.transpose(0, 3, 1, 2), order="C"))
    return planes.to(device())


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Map 0..255 to -1..1, channels last in memory."""
    scaled = images.float().mul_(2 / 255).sub_(1)
    return scaled.contiguous(memory_format=torch.channels_last)


def features(
    network: nn.Module,
    images: Images,
    batch_size: int = 512,
    prepare: Callable[[torch.Tensor], torch.Tensor] = normalise,
) -> Features:
    """Return the backbone's pooled features (N, D) of images, in evaluation mode.

    prepare: from a batch (n, channels, H, W) uint8 to what the backbone takes; unaugmented.
    """
    network = networks.channels_last(network.to(device())).eval()
    with torch.inference_mode():
        whole = to_device(images)
        starts = range(0, len(whole), batch_size)
        found = [network(prepare(whole[i : i + batch_size])).float() for i in starts]
    return torch.cat(found).cpu().numpy()


def of_both_splits(network: nn.Module, dataset: Dataset) -> tuple[Features, Features]:
    """Return the features of the pool (N, D) and of the test set (M, D)."""
    return features(network, dataset.train.images), features(network, dataset.test.images)
