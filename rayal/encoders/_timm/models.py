"""Networks that timm knows by name: built, prepared for, and their weights on this machine."""

from __future__ import annotations

import difflib
import functools
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from rayal.encoders._features.preparation import Preparation
from rayal.storage import reachable
from rayal.vision.torchvision_cpu import torchvision
from rayal.vision.weight_names import State

NAMES_IN_CACHE = ("model.safetensors", "pytorch_model.bin")


@functools.lru_cache(maxsize=8)
def shape_of(model: str, size: int) -> tuple[nn.Module, int]:
    """Return a model without numbers where timm can build it so, and D."""
    try:
        with torch.device("meta"):
            network = build(model, size, seed=0)
    except (ValueError, NotImplementedError):
        network = build(model, size, seed=0)  # which raises what is really wrong
    D: int = getattr(network, "num_features")  # noqa: B009  timm's, which torch does not know of
    return network, D


def build(model: str, size: int, seed: int) -> nn.Module:
    """Build a timm model without classifier for RGB images of that size, weights random.

    Raises:
        ValueError: it takes no images of that size.
    """
    timm = timm_package()
    # Transformers are built for one size; their weights for places are interpolated to it.
    more = {"img_size": size} if configuration(model).fixed_input_size else {}
    with torch.random.fork_rng(devices=[]):  # layers draw from torch's global generator
        torch.default_generator.manual_seed(seed)
        try:
            network: nn.Module = timm.create_model(model, pretrained=False, num_classes=0, **more)
            with torch.inference_mode():  # some refuse a size only when they see it
                network.eval()(torch.zeros(1, 3, size, size))
        except (AssertionError, TypeError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"timm cannot build model='{model}' for size={size} ({error}); give another size, "
                "a multiple of the patches of a transformer"
            ) from error
    return network


def preparation(network: nn.Module, size: int) -> Preparation:
    """Return how images become what a model was trained to take, squares of that size."""
    timm = timm_package()
    config = timm.data.resolve_model_data_config(network)
    bicubic = config["interpolation"] == "bicubic"
    return Preparation(size, 3, tuple(config["mean"]), tuple(config["std"]), bicubic)


def renamed(model: str, network: nn.Module, state: State) -> State:
    """Bring names and shapes of a model's first release to timm's, as timm itself does."""
    entry = timm_package().model_entrypoint(model.split(".")[0])
    module = importlib.import_module(entry.__module__)
    change = getattr(module, "checkpoint_filter_fn", None)
    known: State = change(state, network) if change else state
    return known


def cached_weights(model: str, config: Any) -> Path:
    """Return the file that timm left in the cache of the hub it comes from.

    Raises:
        ValueError: there is none.
    """
    if config.hf_hub_id:
        from huggingface_hub import try_to_load_from_cache

        names = (config.hf_hub_filename, *NAMES_IN_CACHE)
        cached = [try_to_load_from_cache(config.hf_hub_id, name) for name in names if name]
        paths = [Path(path) for path in cached if isinstance(path, str)]
    else:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        paths = [folder / Path(config.url).name] if config.url else []
    for path in paths:
        if reachable.is_file(path):
            return path
    raise ValueError(
        f"model='{model}' is not in the cache of this machine (HF_HOME, TORCH_HOME); give its "
        "file as weights, or fetch it once where there is a network: "
        f"python -c \"import timm; timm.create_model('{model}', pretrained=True)\""
    )


def configuration(model: str) -> Any:
    """Return timm's description of a model.

    Raises:
        ValueError: there is none of that name.
    """
    timm = timm_package()
    architecture, _, tag = model.partition(".")
    if not timm.is_model(architecture):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=3)
        like = f"; it has {', '.join(close)}" if close else ""
        raise ValueError(f"timm has no model='{model}'{like}")
    try:
        return timm.get_pretrained_cfg(model)
    except RuntimeError:
        tags = ", ".join(timm.list_pretrained(f"{architecture}.*")) or "none"
        raise ValueError(
            f"timm knows no weights '{tag}' of {architecture}; it has {tags}"
        ) from None


def timm_package() -> ModuleType:
    """Import timm.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    torchvision()  # timm imports it
    try:
        timm = importlib.import_module("timm")
        importlib.import_module("timm.data")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "networks of timm need the package timm, which is not installed: pip install timm"
        ) from error
    return timm
