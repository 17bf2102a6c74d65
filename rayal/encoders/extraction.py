"""From images to features with a finished backbone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from rayal.contracts import Dataset, Features, Images
from rayal.vision import networks
from rayal.vision.device import device, normalise, to_device


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
