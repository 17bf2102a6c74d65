"""Weights of a network from a file, in the forms that people have.

Read are state dicts written by torch.save, .safetensors and .npz. A file may hold a whole training:
then the network whose names fit is found among its parts, under whatever prefix it stands there
(MoCo v2 `module.encoder_q.`, MoCo v3 `module.base_encoder.`, DINO's teacher, `backbone.` of lightly
and BYOL, `module.` of a parallel training). Nothing in a file is ever run.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

State: TypeAlias = dict[str, torch.Tensor]

_CONTAINERS = ("state_dict", "model_state_dict", "model", "teacher", "student", "network")
# First parts of names that stand beside a backbone: classifiers, heads and queues.
_HEADS = ("fc", "head", "heads", "head_dist", "classifier", "classif", "last_linear")
_BESIDE = {*_HEADS, "projection_head", "projector", "prediction_head", "predictor", "queue"}
_BESIDE |= {"queue_ptr", "mask_token"}
_FOLLOWERS = ("encoder_k", "momentum", "target", "key_encoder")  # of two, the one that learns
_SHOWN = 3  # names in a message


class OtherNetworkError(ValueError):
    """A file holds weights, and not those of the network; the message says what differs."""


def read(path: Path) -> State:
    """Read the tensors of a file by name.

    Raises:
        ValueError: the file is missing, damaged, needs code to be run, or holds no state dict.
    """
    if not path.is_file():
        raise ValueError(f"weights={path}: there is no such file; give the path of one")
    found = _innermost(_load(path))
    if not (isinstance(found, Mapping) and found and all(map(torch.is_tensor, found.values()))):
        raise ValueError(
            f"weights={path} holds no state dict, names with a tensor each; save "
            "network.state_dict() with torch.save"
        )
    return {str(name): value for name, value in found.items()}


def load(
    network: nn.Module, path: Path, adapt: Callable[[State], State] = lambda state: state
) -> None:
    """Load a file into a network, in place; classifiers and heads in the file are left out.

    Args:
        network: what the weights are for.
        path: of the file.
        adapt: changes names and shapes of what was found to those of the network.

    Raises:
        ValueError: what `read` says.
        OtherNetworkError: names are missing, superfluous or of another shape; they are named.
    """
    given = _for_network(network, path, adapt)
    fault = difference(network.state_dict(), given)
    if fault:
        raise OtherNetworkError(f"weights={path} belongs to another network: {fault}")
    network.load_state_dict(given, strict=False)


def initialise(network: nn.Module, path: Path) -> None:
    """Load a file into a backbone as `load` does; weights for RGB serve grey images too.

    Those of the first convolution are then summed over the colours, which is what it would make of
    the grey image in all three.
    """
    first, own = next((n, w) for n, w in network.state_dict().items() if w.dim() == 4)

    def grey(state: State) -> State:
        given = state.get(first)
        if given is None or own.shape[1] != 1 or given.dim() != 4:
            return state
        return {**state, first: given.sum(1, keepdim=True)}

    load(network, path, grey)


def fits(network: nn.Module, path: Path) -> bool:
    """Whether `load` would find all of a network in a file."""
    return not difference(network.state_dict(), _for_network(network, path, lambda state: state))


def _for_network(network: nn.Module, path: Path, adapt: Callable[[State], State]) -> State:
    own = network.state_dict()
    found = adapt(_under_own_names(read(path), network))
    return {name: value for name, value in found.items() if not _is_beside(name, own)}


def difference(own: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> str:
    """Say how weights differ from a network's, "" where they fit; batch counters may be absent."""
    needed = [name for name in own if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in given]
    foreign = [name for name in given if name not in own]
    unlike = [
        f"{name} {tuple(given[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    faults = (("it lacks", missing), ("it has beyond it", foreign), ("other shapes:", unlike))
    return "; ".join(f"{fault} {_listed(names)}" for fault, names in faults if names)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


# From file to tensors ------------------------------------------------------------


def _load(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return _load_safetensors(path)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"weights={path} is no file of tensors alone: reading it would run code from it, or "
            "it is damaged; save network.state_dict() with torch.save, or as .safetensors"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"weights={path} cannot be read ({type(error).__name__}): it is truncated or no file "
            "of torch.save, .safetensors or .npz; fetch it again"
        ) from error


def _load_safetensors(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: State = load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return found


def _innermost(found: Any) -> Any:
    """Return the state dict inside what trainings save."""
    inside = True
    while inside and isinstance(found, Mapping):
        names = [name for name in _CONTAINERS if isinstance(found.get(name), Mapping)]
        inside = bool(names)
        found = found[names[0]] if names else found
    return found


# From the file's names to the network's ------------------------------------------


def _under_own_names(given: State, network: nn.Module) -> State:
    """Return what stands under the prefix that most names of the network are found under.

    Children by number (torch.nn.Sequential(*network.children()), as lightly's examples have) are
    tried as well as children by name.
    """
    own = set(network.state_dict())
    found = [_best(state, own) for state in (given, _numbers_named(given, network))]
    return max(found, key=lambda state: len(own & state.keys()))


def _best(given: State, own: set[str]) -> State:
    prefixes = {prefix for name in given for prefix in _prefixes(name, own)} | {""}
    parts = {prefix: _under(prefix, given) for prefix in sorted(prefixes)}
    chosen = max(
        parts,
        key=lambda prefix: (
            len(own & parts[prefix].keys()),
            not any(word in prefix for word in _FOLLOWERS),
            -len(prefix),
        ),
    )
    return parts[chosen]


def _prefixes(name: str, own: set[str]) -> Iterator[str]:
    """Yield what stands before a name of the network."""
    places = [0, *(i + 1 for i, letter in enumerate(name) if letter == ".")]
    return (name[:place] for place in places if name[place:] in own)


def _under(prefix: str, given: State) -> State:
    inside = {name: value for name, value in given.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in inside.items()}


def _numbers_named(given: State, network: nn.Module) -> State:
    """Put names of children in the place of their numbers, after any prefix."""
    names = {str(i): name for i, (name, _) in enumerate(network.named_children())}
    own = set(network.state_dict())
    return {_named(name, names, own): value for name, value in given.items()}


def _named(name: str, names: Mapping[str, str], own: set[str]) -> str:
    parts = name.split(".")
    for i, part in enumerate(parts):
        changed = ".".join([names.get(part, part), *parts[i + 1 :]])
        if part in names and changed in own:
            return ".".join([*parts[:i], changed])
    return name


def _is_beside(name: str, own: Mapping[str, torch.Tensor]) -> bool:
    return name not in own and name.split(".")[0] in _BESIDE
