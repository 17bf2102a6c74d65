"""Backbones: images (n, channels, H, W) in, pooled features (n, D) out."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from types import ModuleType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from rayal.vision.backbone_names import NO_TIMM, Backbone, ResNet, Stem, input_size
from rayal.vision.convolution import Conv3x3, use_fast_small_convolutions
from rayal.vision.torchvision_cpu import torchvision

Weights: TypeAlias = Mapping[str, npt.NDArray[np.generic]]

_SMALL_CNN = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1))  # (channels, stride) of each layer
# (layer1 has bottlenecks, blocks in layer3) of each ResNet
_RESNETS: dict[tuple[bool, int], ResNet] = {
    (False, 2): "resnet18",
    (False, 6): "resnet34",
    (True, 6): "resnet50",
    (True, 23): "resnet101",
}


def backbone(name: Backbone, stem: Stem, channels: int, seed: int) -> nn.Module:
    """Build a backbone with random weights that depend on the seed alone.

    Args:
        name: small_cnn has D = 128 and suits images of 8 to 32 pixels on a CPU; resnet18 and
            resnet34 have D = 512, resnet50 and resnet101 D = 2048, inception_resnet_v2 (from
            timm) D = 1536; it enlarges images of less than 75 pixels to that.
        stem: imagenet starts a ResNet with a 7x7 convolution of stride 2 and a pooling of
            stride 2, cifar with one 3x3 convolution of stride 1. Others have no such choice.
        channels: of the images, 1 (gray) or 3 (RGB).
        seed: for the initial weights.

    Raises:
        ModuleNotFoundError: inception_resnet_v2 was asked for and timm is not installed.
    """
    with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
        torch.default_generator.manual_seed(seed)
        if name == "small_cnn":
            return _small_cnn(channels)
        if name == "inception_resnet_v2":
            return _inception(channels)
        return _resnet(name, stem, channels)


def channels_last(network: nn.Module) -> nn.Module:
    """Store the convolutions with channels last, which is faster on CPUs and GPUs; in place."""
    return nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last)


def count_batches_on_cpu(network: nn.Module) -> nn.Module:
    """Keep batch norm's counts of batches on the CPU; in place.

    Nothing computes with them while training, and on a GPU each count is a launch of its own: 20 of
    the 150 of a ResNet-18's forward pass.
    """
    for layer in network.modules():
        counts = getattr(layer, "num_batches_tracked", None)
        if counts is not None:
            layer.num_batches_tracked = counts.cpu()
    return network


def num_features(network: nn.Module) -> int:
    """Return D, the number of features that a backbone of this file gives."""
    return int([p for p in network.parameters() if p.dim() == 4][-1].shape[0])


def to_arrays(network: nn.Module) -> dict[str, npt.NDArray[np.generic]]:
    """Return copies of the weights and the batch-norm statistics, each with its shape, by name."""
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
    if "conv2d_1a.conv.weight" in weights:
        channels = int(weights["conv2d_1a.conv.weight"].shape[1])
        return "inception_resnet_v2", "imagenet", channels
    blocks = len({match[0] for key in weights if (match := re.match(r"layer3\.\d+", key))})
    name = _RESNETS.get(("layer1.0.conv3.weight" in weights, blocks))
    if name is None or "conv1.weight" not in weights:
        first = ", ".join(list(weights)[:3])
        raise ValueError(
            f"weights that begin with {first or 'nothing'} belong to no backbone known here; "
            "give those of a small_cnn, resnet18, resnet34, resnet50, resnet101 or "
            "inception_resnet_v2"
        )
    _, channels, size, _ = weights["conv1.weight"].shape
    return name, "cifar" if size == 3 else "imagenet", channels


def _small_cnn(channels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for width, stride in _SMALL_CNN:
        convolution = Conv3x3(channels, width, stride)
        layers.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)))
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _resnet(name: ResNet, stem: Stem, channels: int) -> nn.Module:
    network: nn.Module = getattr(torchvision().models, name)(weights=None)
    if stem == "cifar":
        network.conv1 = nn.Conv2d(channels, 64, 3, 1, padding=1, bias=False)
        network.maxpool = nn.Identity()
    else:
        network.conv1 = nn.Conv2d(channels, 64, 7, 2, padding=3, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.fc = nn.Identity()
    use_fast_small_convolutions(network)
    return network


def _inception(channels: int) -> nn.Module:
    network: nn.Module = _timm().create_model(
        "inception_resnet_v2", pretrained=False, num_classes=0, in_chans=channels
    )
    network.register_forward_pre_hook(_enlarge)
    return network


def _enlarge(_: nn.Module, inputs: tuple[torch.Tensor]) -> torch.Tensor:
    """Enlarge images with a side of less than 75 pixels; a hook adds no name to the weights."""
    (images,) = inputs
    size = input_size("inception_resnet_v2", images.shape[2:])
    if size == images.shape[2:]:
        return images
    return nn.functional.interpolate(images, size, mode="bilinear", align_corners=False)


def _timm() -> ModuleType:
    torchvision()  # timm imports it
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NO_TIMM) from error
