"""From the names of weights in a file to those of a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import torch
from torch import nn

State: TypeAlias = dict[str, torch.Tensor]

# First parts of names that stand beside a backbone: classifiers, heads and queues.
_HEADS = ("fc", "head", "heads", "head_dist", "classifier", "classif", "last_linear")
_BESIDE = {*_HEADS, "projection_head", "projector", "prediction_head", "predictor", "queue"}
_BESIDE |= {"queue_ptr", "mask_token"}
_SHOWN = 3  # names in a message


def under_prefixes(state: State, network: nn.Module) -> dict[str, State]:
    """Return what stands under the prefixes that most names of the network are found under.

    Children by number (torch.nn.Sequential(*network.children()), as lightly's examples have) are
    tried as well as children by name.
    """
    own = set(network.state_dict())
    states: dict[str, State] = {}
    for names in (state, _with_child_names(state, network)):
        for prefix, inside in _most_complete(names, own).items():
            if len(own & inside.keys()) > len(own & states.get(prefix, {}).keys()):
                states[prefix] = inside
    return states


def _most_complete(state: State, own: set[str]) -> dict[str, State]:
    prefixes = {prefix for name in state for prefix in _prefixes(name, own)}
    inside = {prefix: _under(prefix, state) for prefix in prefixes}
    counts = {prefix: len(own & names.keys()) for prefix, names in inside.items()}
    most = max(counts.values(), default=0)
    return {prefix: inside[prefix] for prefix, count in counts.items() if count == most}


def _prefixes(name: str, own: set[str]) -> Iterator[str]:
    """Yield what stands before a name of the network."""
    starts = [0, *(i + 1 for i, letter in enumerate(name) if letter == ".")]
    return (name[:start] for start in starts if name[start:] in own)


def _under(prefix: str, state: State) -> State:
    inside = {name: value for name, value in state.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in inside.items()}


def _with_child_names(state: State, network: nn.Module) -> State:
    """Put names of children in the place of their numbers, after any prefix."""
    names = {str(i): name for i, (name, _) in enumerate(network.named_children())}
    own = set(network.state_dict())
    return {_with_child_name(name, names, own): value for name, value in state.items()}


def _with_child_name(name: str, names: Mapping[str, str], own: set[str]) -> str:
    parts = name.split(".")
    for i, part in enumerate(parts):
        changed = ".".join([names.get(part, part), *parts[i + 1 :]])
        if part in names and changed in own:
            return ".".join([*parts[:i], changed])
    return name


def without_heads(state: State, own: Mapping[str, torch.Tensor]) -> State:
    """Leave out tensors, of any shape, of classifiers, heads and queues beside a backbone."""
    return {
        name: value
        for name, value in state.items()
        if name in own or name.split(".")[0] not in _BESIDE
    }


def difference(own: Mapping[str, torch.Tensor], loaded: Mapping[str, torch.Tensor]) -> str:
    """Say how weights, of any shape, differ from a network's: "" where they fit.

    Batch counters may be absent.
    """
    needed = [name for name in own if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in loaded]
    superfluous = [name for name in loaded if name not in own]
    reshaped = [
        f"{name} {tuple(loaded[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in loaded and loaded[name].shape != own[name].shape
    ]
    faults = (("it lacks", missing), ("it has beyond it", superfluous), ("other shapes:", reshaped))
    return "; ".join(f"{fault} {listed(names)}" for fault, names in faults if names)


def listed(names: list[str]) -> str:
    """Write the first names of a list, and how many there are more."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
