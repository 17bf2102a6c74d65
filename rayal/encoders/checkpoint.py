"""Features of a backbone whose weights lie in a file: trained elsewhere, or here before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from pydantic import Field
from torch import nn

from rayal.contracts import Dataset, Embedding, Progress, encoder
from rayal.encoders._features import augmented_views
from rayal.encoders._features.extraction import BATCH, FeatureExtractor
from rayal.encoders._features.preparation import (
    HALF,
    IMAGENET_MEAN,
    IMAGENET_STD,
    ImageSize,
    Preparation,
    check_channels,
)
from rayal.seeds import integer
from rayal.vision import networks, weight_files
from rayal.vision.networks import Backbone, ResNet, Stem
from rayal.vision.precision import Precision

ColorStatistics: TypeAlias = Literal["imagenet", "half"]

_MEAN_AND_STD: dict[ColorStatistics, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
    "half": (HALF, HALF),
}


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse a file that is not there when a sweep is planned."""
    if not Path(params["weights"]).is_file():
        raise FileNotFoundError(
            f"weights={params['weights']}: there is no such file; give its path"
        )


@encoder(gives=lambda params: {"weights"} | augmented_views.gives(params), check=_check)
def checkpoint(  # noqa: PLR0913  what a file does not say of itself
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    weights: str,
    backbone: Backbone = "resnet50",
    stem: Stem = "imagenet",
    size: ImageSize | None = None,
    colours: ColorStatistics = "imagenet",
    precision: Precision = "float32",
    batch_size: Annotated[int, Field(ge=1)] = BATCH,
    views: augmented_views.ViewCount = 0,
    flip: bool = True,
) -> Embedding:
    """Return the pooled features of a backbone with the weights of a local file.

    The file is a state dict of torch.save, a .safetensors or an .npz, with the names of
    torchvision, timm, MoCo v2 and v3, lightly, BYOL or of rayal's own artefacts. It is read as
    data: a file that would have to run code is refused.

    Args:
        dataset: the pool and the test set.
        rng: source of all randomness, which is that of the views.
        progress: told how much is done.
        weights: path of the file.
        backbone: kind of network that the weights are of.
        stem: first layers of a ResNet: imagenet's, or cifar's that keep the resolution.
        size: pixels of the square that images are resized to, such as 224; None leaves theirs.
        colours: standardization that the weights were trained under: imagenet's mean and std, or
            half for -1..1, which is rayal's own.
        precision: float32, or bf16 for speed.
        batch_size: images that go through the network at once.
        views: weakly augmented copies of each image whose features are kept too.
        flip: mirror views left and right with probability .5.

    Raises:
        ValueError: the file is missing, damaged or another network's, or its network takes other
            channels than the images have.
    """
    images = dataset.train.images
    network = load(Path(weights), backbone, stem)
    channels = _channels(network)
    check_channels(images.shape[3], channels)
    prepare = Preparation(size, channels, *_MEAN_AND_STD[colours])
    extractor = FeatureExtractor(network, batch_size, prepare, prepare.from_unit_range, precision)
    features = extractor.extract_both_splits(dataset, progress)
    copies = augmented_views.view_features(extractor, images, views, flip, seed=integer(rng))
    own_weights = _weights_for_channels(network, images.shape[3])
    return Embedding(*features, weights=own_weights, views=copies)


def load(path: Path, backbone: Backbone, stem: Stem) -> nn.Module:
    """Build a backbone with the weights of a file, for as many channels as those have.

    Raises:
        ValueError: the file is missing, damaged or another network's; the message names what
            differs, and the backbone whose weights it holds where that is known.
    """
    faults = []
    for channels in (3, 1):
        network = networks.backbone(backbone, stem, channels, seed=0)
        try:
            weight_files.load(network, path)
        except weight_files.OtherNetworkError as error:
            faults.append(error)
            continue
        return network
    asked = f"backbone={backbone}, stem={stem} were asked for; "
    raise ValueError(f"{faults[0]}; {asked}{_advice(path)}")


def _advice(path: Path) -> str:
    """Say which backbone known here a file fits."""
    for name in get_args(ResNet):
        for stem in get_args(Stem):
            with torch.device("meta"):  # shapes without numbers
                empty = networks.backbone(name, stem, 3, seed=0)
            if weight_files.fits(empty, path):
                return f"the file fits backbone={name}, stem={stem}"
    return "the file fits no ResNet known here; the encoder timm_model knows more networks"


def _channels(network: nn.Module) -> int:
    first = next(weight for weight in network.parameters() if weight.dim() == 4)
    return int(first.shape[1])


def _weights_for_channels(network: nn.Module, channels: int) -> dict[str, Any]:
    """Return the weights for images of so many channels: gray ones are the same in each color."""
    weights: dict[str, Any] = dict(networks.to_arrays(network))
    if channels < _channels(network):
        first = next(name for name, value in weights.items() if value.ndim == 4)
        weights[first] = weights[first].sum(axis=1, keepdims=True)
    return weights
