"""Features of a backbone whose weights lie in a file: trained elsewhere, or here before."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from pydantic import Field
from torch import nn

from rayal.contracts import Dataset, DataShape, Embedding, Progress, encoder
from rayal.encoders._features import augmented_views
from rayal.encoders._features.embedding import embed
from rayal.encoders._features.extraction import BATCH, FeatureExtractor
from rayal.encoders._features.preparation import (
    HALF,
    IMAGENET_MEAN,
    IMAGENET_STD,
    ImageSize,
    Preparation,
    check_channels,
)
from rayal.storage.file_hash import file_hash
from rayal.vision import backbone_names, networks, notes
from rayal.vision.backbone_names import Backbone, ResNet, Stem
from rayal.vision.precision import Precision
from rayal.vision.weight_files import OtherNetworkError, Selection, WeightFile, weights_line

ColorStatistics: TypeAlias = Literal["imagenet", "half"]

_MEAN_AND_STD: dict[ColorStatistics, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
    "half": (HALF, HALF),
}


def _file(params: Mapping[str, Any]) -> Path:
    return Path(params["weights"]).expanduser()


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse a file that is not there or another network's when a sweep is planned."""
    if not _file(params).is_file():
        raise FileNotFoundError(
            f"weights={params['weights']}: there is no such file; give its path"
        )
    _inspect(_file(params), params["backbone"], params["stem"], file_hash(_file(params)))


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    path, backbone, stem = _file(params), params["backbone"], params["stem"]
    summary = _inspect(path, backbone, stem, file_hash(path))
    return [
        weights_line(path, file_hash(path), summary),
        *notes.resizing(shape.image, params["size"] and (params["size"],) * 2),
        notes.feature_size(shape.N, shape.M, backbone_names.width_of(backbone), params["views"]),
    ]


@encoder(
    gives=lambda params: {"weights"} | augmented_views.gives(params),
    draws=augmented_views.draws,
    check=_check,
    notes=_notes,
)
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
    network = load(Path(weights).expanduser(), backbone, stem)
    channels = _channels(network)
    check_channels(images.shape[3], channels)
    prepare = Preparation(size, channels, *_MEAN_AND_STD[colours])
    extractor = FeatureExtractor(network, batch_size, prepare, prepare.from_unit_range, precision)
    embedding = embed(extractor, dataset, rng, progress, views=views, flip=flip)
    return replace(embedding, weights=_weights_for_channels(network, images.shape[3]))


def load(path: Path, backbone: Backbone, stem: Stem) -> nn.Module:
    """Build a backbone with the weights of a file, for as many channels as those have.

    Raises:
        ValueError: the file is missing, damaged or another network's; the message names what
            differs, and the backbone whose weights it holds where that is known.
    """
    file = WeightFile(path)
    channels, _ = _select(file, backbone, stem)
    network = networks.backbone(backbone, stem, channels, seed=0)
    file.load(network)
    return network


@functools.lru_cache(maxsize=64)
def _inspect(path: Path, backbone: Backbone, stem: Stem, content: str) -> str:
    """Say what of a file is taken; content: its hash, so that a file that changed is read again.

    Raises:
        ValueError: as `load` does.
    """
    return _select(WeightFile(path), backbone, stem)[1].summary()


def _select(file: WeightFile, backbone: Backbone, stem: Stem) -> tuple[int, Selection]:
    """Return how many channels a file's weights have, and where in the file they are."""
    faults = []
    for channels in (3, 1):
        try:
            return channels, file.select(_without_numbers(backbone, stem, channels))
        except OtherNetworkError as error:
            faults.append(error)
    requested = f"backbone={backbone}, stem={stem} were asked for; "
    raise ValueError(f"{faults[0]}; {requested}{_advice(file)}")


def _advice(file: WeightFile) -> str:
    """Say which backbone known here a file fits."""
    for name in get_args(ResNet):
        for stem in get_args(Stem):
            if file.fits(_without_numbers(name, stem, 3)):
                return f"the file fits backbone={name}, stem={stem}"
    return "the file fits no ResNet known here; the encoder timm_model knows more networks"


def _without_numbers(backbone: Backbone, stem: Stem, channels: int) -> nn.Module:
    with torch.device("meta"):  # shapes alone
        return networks.backbone(backbone, stem, channels, seed=0)


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
