"""Initial weights of a backbone from a file: torchvision's or timm's names."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

_CLASSIFIERS = ("fc.", "classif.", "last_linear.")  # of torchvision, timm and older files
_CONTAINERS = ("state_dict", "model")


def initialise(network: nn.Module, path: Path) -> None:
    """Load weights into a backbone; the file's own classifier is left out.

    Weights for RGB images serve grey ones: the first convolution's are summed over the colours,
    which is what it would make of the grey image in all three.

    Args:
        network: changed in place.
        path: a .safetensors file, or a state dict written by torch.save.

    Raises:
        ValueError: the file is missing, cannot be read, or belongs to another network.
    """
    given = _without_classifier(_read(path))
    own = network.state_dict()
    first = next(name for name, value in own.items() if value.dim() == 4)
    if first in given and own[first].shape[1] == 1 and given[first].dim() == 4:
        given[first] = given[first].sum(1, keepdim=True)
    _check(own, given, path)
    network.load_state_dict(given, strict=False)


def _read(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise ValueError(f"weights={path}: there is no such file; give the path of one, or none")
    try:
        found = _load(path)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise ValueError(
            f"weights={path} cannot be read as a .safetensors file or a torch state dict of "
            f"tensors alone ({type(error).__name__}); save network.state_dict() with torch.save"
        ) from error
    for container in _CONTAINERS:
        if isinstance(found, Mapping) and isinstance(found.get(container), Mapping):
            found = found[container]
    if not isinstance(found, Mapping) or not all(torch.is_tensor(v) for v in found.values()):
        raise ValueError(f"weights={path} holds no state dict: names with a tensor each")
    return {str(name).removeprefix("module."): value for name, value in found.items()}


def _load(path: Path) -> Any:
    if path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _without_classifier(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in given.items() if not name.startswith(_CLASSIFIERS)}


def _check(own: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor], path: Path) -> None:
    """Refuse another network's weights; counters of batches may be absent."""
    needed = [name for name in own if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in given]
    foreign = [name for name in given if name not in own]
    unlike = [
        f"{name} {tuple(given[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    for fault, names in (("lacks", missing), ("has beyond it", foreign), ("differs in", unlike)):
        if names:
            raise ValueError(
                f"weights={path} belongs to another network than the backbone and stem asked for: "
                f"it {fault} {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}; "
                "set backbone and stem to those of the file"
            )
