"""Backbones: images (n, channels, H, W) in, pooled features (n, D) out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from rayal.torchvision_cpu import torchvision
from rayal.vision.convolution import Convolution3x3, quicken

Backbone: TypeAlias = Literal["small_cnn", "resnet18", "resnet50"]
Stem: TypeAlias = Literal["imagenet", "cifar"]
Weights: TypeAlias = Mapping[str, npt.NDArray[np.generic]]

_SMALL_CNN = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1))  # (channels, stride) of each layer


def backbone(name: Backbone, stem: Stem, channels: int, seed: int) -> nn.Module:
    """Build a backbone with random weights that depend on the seed alone.

    Args:
        name: small_cnn has D = 128 and suits images of 8 to 32 pixels on a CPU; resnet18 has
            D = 512, resnet50 has D = 2048.
        stem: imagenet starts a ResNet with a 7x7 convolution of stride 2 and a pooling of
            stride 2, cifar with one 3x3 convolution of stride 1. small_cnn has no such choice.
        channels: of the images, 1 (grey) or 3 (RGB).
        seed: for the initial weights.
    """
    with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
        torch.manual_seed(seed)
        if name == "small_cnn":
            return _small_cnn(channels)
        return _resnet(name, stem, channels)


def channels_last(network: nn.Module) -> nn.Module:
    """Store the convolutions with channels last, which is faster on CPUs and GPUs; in place."""
    return nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last)


def width(network: nn.Module) -> int:
    """Return D, the number of features that a backbone of this file gives."""
    return int([p for p in network.parameters() if p.dim() == 4][-1].shape[0])


def to_arrays(network: nn.Module) -> dict[str, npt.NDArray[np.generic]]:
    """Copy the weights and the batch-norm statistics into arrays, by name."""
    state = network.state_dict()
    return {name: value.cpu().contiguous().numpy().copy() for name, value in state.items()}


def rebuild(weights: Weights) -> nn.Module:
    """Build the backbone that these weights, made by `to_arrays`, belong to, and load them.

    Raises:
        ValueError: they are not the weights of a backbone of this file.
    """
    name, stem, channels = _architecture(weights)
    network = backbone(name, stem, channels, seed=0)
    network.load_state_dict({key: torch.tensor(value) for key, value in weights.items()})
    return network


def _architecture(weights: Weights) -> tuple[Backbone, Stem, int]:
    if "0.0.weight" in weights:
        return "small_cnn", "imagenet", int(weights["0.0.weight"].shape[1])
    if "conv1.weight" not in weights:
        first = ", ".join(list(weights)[:3])
        raise ValueError(
            f"weights that begin with {first or 'nothing'} belong to no backbone known here; "
            "give those of a small_cnn, resnet18 or resnet50"
        )
    name: Backbone = "resnet50" if "layer1.0.conv3.weight" in weights else "resnet18"
    _, channels, size, _ = weights["conv1.weight"].shape
    return name, "cifar" if size == 3 else "imagenet", channels


def _small_cnn(channels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for wide, stride in _SMALL_CNN:
        convolution = Convolution3x3(channels, wide, stride)
        layers.append(nn.Sequential(convolution, nn.BatchNorm2d(wide), nn.ReLU(inplace=True)))
        channels = wide
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _resnet(name: Backbone, stem: Stem, channels: int) -> nn.Module:
    network: nn.Module = getattr(torchvision().models, name)(weights=None)
    if stem == "cifar":
        network.conv1 = nn.Conv2d(channels, 64, 3, 1, padding=1, bias=False)
        network.maxpool = nn.Identity()
    else:
        network.conv1 = nn.Conv2d(channels, 64, 7, 2, padding=3, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.fc = nn.Identity()
    quicken(network)
    return network
