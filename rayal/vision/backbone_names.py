"""Backbones by name: how many features they give and what images they take, without PyTorch."""

from __future__ import annotations

import importlib.util
from typing import Literal, TypeAlias

ResNet: TypeAlias = Literal["resnet18", "resnet34", "resnet50", "resnet101"]
Backbone: TypeAlias = Literal["small_cnn", ResNet, "inception_resnet_v2"]
Stem: TypeAlias = Literal["imagenet", "cifar"]

_WIDTHS: dict[Backbone, int] = {
    "small_cnn": 128,
    "resnet18": 512,
    "resnet34": 512,
    "resnet50": 2048,
    "resnet101": 2048,
    "inception_resnet_v2": 1536,
}
NO_TIMM = (
    "the backbone inception_resnet_v2 comes from timm, which is not installed: pip install timm, "
    "or take a resnet"
)
_SMALLEST_INCEPTION_IMAGE = 75  # side of the smallest image that leaves a map at the end


def width_of(name: Backbone) -> int:
    """Return D, the number of features that the backbone of that name gives.

    Raises:
        ModuleNotFoundError: inception_resnet_v2 was asked for and timm is not installed.
    """
    if name == "inception_resnet_v2" and importlib.util.find_spec("timm") is None:
        raise ModuleNotFoundError(NO_TIMM)
    return _WIDTHS[name]


def input_size(name: Backbone, image: tuple[int, ...]) -> tuple[int, int] | None:
    """Return the size (H, W) that a backbone resizes images (H, W, channels) to, None for none."""
    if name != "inception_resnet_v2" or not image:
        return None
    H, W = image[:2]
    return max(H, _SMALLEST_INCEPTION_IMAGE), max(W, _SMALLEST_INCEPTION_IMAGE)
