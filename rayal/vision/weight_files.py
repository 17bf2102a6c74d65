"""Weights of a network from a file, in the forms that people have.

A file may hold a whole training: then the network whose names fit is found among its parts, under
whatever prefix it stands there (MoCo v2 `module.encoder_q.`, MoCo v3 `module.base_encoder.`, DINO's
teacher, `backbone.` of lightly and BYOL, `module.` of a parallel training). Where several fit:

* a network that learns comes before one that follows it (momentum encoder, target network), as in
  the papers' own code, and DINO's teacher before its student;
* a moving average of weights (`state_dict_ema`, `ema`, torch's AveragedModel) comes before the
  weights that it averages, as in timm;
* others are refused: which one is meant is not certain.

`Selection.summary` says what was taken and what was left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from rayal.vision import weight_formats
from rayal.vision.weight_names import State, difference, listed, under_prefixes, without_heads

Adapt: TypeAlias = Callable[[State], State]

_AVERAGE = re.compile(r"(^|[._-])(ema|avg|averaged?|swa|polyak|shadow)([._-]|$)", re.IGNORECASE)
# What optimizers keep of each weight, under its name: no weights, however well the names fit.
_OPTIMIZERS = re.compile(
    r"(^|[._-])((exp|square|grad)_avg(_sq)?|momentum_buffer|acc_delta|grads?|gradients?)([._-]|$)"
)
_FOLLOWER = re.compile("encoder_k|momentum|target|key_encoder|student")
_DEPTH = 4  # of mappings in mappings that are looked into


class OtherNetworkError(ValueError):
    """A file holds weights, and not those of the network; the message says what differs."""


@dataclass(frozen=True)
class Candidate:
    """Tensors in a file; place: the keys and the prefix that lead to them, "" for all of it."""

    place: str
    state: State
    averaged: bool  # whether they are a moving average of weights


@dataclass(frozen=True)
class Selection:
    """Weights for a network, found in a file; left: further places that might have been meant."""

    state: State
    place: str
    averaged: bool
    left: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say what was taken of the file, and what was not."""
        kind = "a moving average of weights (EMA)" if self.averaged else "plain weights, no EMA"
        place = f" at {self.place}" if self.place else ""
        left = f"; left: {', '.join(self.left)}" if self.left else ""
        return f"{kind}{place}{left}"


class WeightFile:
    """A file that was read, to find the weights of networks in."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ValueError: it is missing, damaged, of a kind that is not read, or holds no weights.
        """
        self.path = path
        content = weight_formats.read(path)
        self._candidates = list(_walk(content, (), set()))
        if not self._candidates:
            raise ValueError(f"weights={path} {_what_it_holds(content)}")
        keys = set(_keys(content, set()))
        self._averages = {k for k in keys if _AVERAGE.search(k) and not _OPTIMIZERS.search(k)}

    def select(self, network: nn.Module, adapt: Adapt = lambda state: state) -> Selection:
        """Find the weights of a network, which stays as it is and may be on the device meta.

        Args:
            network: what the weights are for.
            adapt: changes names and shapes of what is found to those of the network.

        Raises:
            ValueError: several would fit, or they are of a kind that cannot be used (quantized,
                complex, sparse).
            OtherNetworkError: names are missing, superfluous or of another shape; they are named.
        """
        own = network.state_dict()
        candidates = [
            Candidate(place.place, without_heads(adapt(place.state), own), place.averaged)
            for candidate in self._candidates
            for place in _places(candidate, network)
        ]
        fitting = [c for c in candidates if not difference(own, c.state)]
        if not fitting:
            nearest = max(candidates, key=lambda c: len(own.keys() & c.state.keys()))
            fault = difference(own, nearest.state)
            raise OtherNetworkError(f"weights={self.path} belongs to another network: {fault}")
        chosen = self._preferred(fitting)
        self._check_kind(own, chosen.state)
        left = {c.place or "the rest" for c in fitting if c.place != chosen.place}
        if not chosen.averaged:
            left |= self._averages
        return Selection(chosen.state, chosen.place, chosen.averaged, tuple(sorted(left)))

    def load(self, network: nn.Module, adapt: Adapt = lambda state: state) -> Selection:
        """Load what `select` finds into the network, in place.

        Classifiers and heads in the file are left out.

        Raises:
            ValueError: what `select` says, or a weight is infinite or no number.
            OtherNetworkError: names are missing, superfluous or of another shape; they are named.
        """
        selection = self.select(network, adapt)
        for name, value in selection.state.items():
            if value.is_floating_point() and not torch.isfinite(value.float()).all():
                raise ValueError(
                    f"weights={self.path}: {name} has values that are infinite or no number; the "
                    "training that wrote them had diverged, or the file is damaged"
                )
        network.load_state_dict(selection.state, strict=False)
        return selection

    def fits(self, network: nn.Module) -> bool:
        """Whether `select` would find all of a network."""
        try:
            self.select(network)
        except ValueError:
            return False
        return True

    def _preferred(self, fitting: list[Candidate]) -> Candidate:
        """Choose by the rules at the top of this file."""
        rest = [c for c in fitting if not _FOLLOWER.search(c.place)] or fitting
        rest = [c for c in rest if c.averaged] or rest
        if any(not _equal(rest[0].state, other.state) for other in rest[1:]):
            raise ValueError(
                f"weights={self.path} holds several networks that would fit: "
                f"{listed([c.place or 'all' for c in rest])}; save the state dict of the one that "
                "is meant alone"
            )
        return min(rest, key=lambda c: len(c.place))

    def _check_kind(self, own: Mapping[str, torch.Tensor], state: State) -> None:
        for name, value in state.items():
            kind = _unusable_kind(value, own[name])
            if kind:
                raise ValueError(
                    f"weights={self.path}: {name} is {kind}; save the network's weights as "
                    "float32, float16 or bfloat16"
                )


def load(network: nn.Module, path: Path, adapt: Adapt = lambda state: state) -> Selection:
    """Read a file and load it into a network, in place; see `WeightFile`."""
    return WeightFile(path).load(network, adapt)


def weights_line(path: Path, sha256: str, summary: str) -> str:
    """Say where weights come from: the file, the start of its hash, what of it was taken."""
    return f"weights: {path} (sha256 {sha256[:12]}), {summary}"


def sum_over_colors(network: nn.Module) -> Adapt:
    """Return what makes weights for RGB those of a network of gray images, where this is one.

    Those of the first convolution are summed over the colors, which is what it would make of the
    gray image in all three.
    """
    first, own = next((n, w) for n, w in network.state_dict().items() if w.dim() == 4)

    def adapt(state: State) -> State:
        weight = state.get(first)
        if weight is None or own.shape[1] != 1 or weight.dim() != 4:
            return state
        return {**state, first: weight.sum(1, keepdim=True)}

    return adapt


def _unusable_kind(value: torch.Tensor, own: torch.Tensor) -> str:
    """Say what makes numbers stand for others than themselves, "" where nothing does."""
    if value.layout != torch.strided:
        return "sparse"
    if value.is_meta:
        return "without numbers"
    if value.is_complex():
        return "complex"
    plain = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    if own.is_floating_point() and value.dtype not in plain:
        return f"of {str(value.dtype).removeprefix('torch.')}, quantized and without its scales"
    return ""


def _walk(content: Any, keys: tuple[str, ...], seen: set[int]) -> Iterator[Candidate]:
    """Yield the tensors by name in every mapping; an optimizer's are not a network's."""
    if not isinstance(content, Mapping) or id(content) in seen or len(keys) > _DEPTH:
        return
    if keys and _OPTIMIZERS.search(keys[-1]):
        return
    seen.add(id(content))  # a mapping may contain itself
    if "param_groups" in content:
        return
    tensors = {name: value for name, value in content.items() if torch.is_tensor(value)}
    if tensors and all(isinstance(name, str) for name in tensors):
        place = ".".join(keys)
        yield Candidate(place, tensors, "n_averaged" in tensors or bool(_AVERAGE.search(place)))
    for name, value in content.items():
        yield from _walk(value, (*keys, str(name)), seen)


def _keys(content: Any, seen: set[int], depth: int = 2) -> Iterator[str]:
    """Yield the keys of mappings in mappings, of what is no tensor."""
    if not isinstance(content, Mapping) or id(content) in seen or not depth:
        return
    seen.add(id(content))
    for name, value in content.items():
        if isinstance(value, (Mapping, list, tuple)):
            yield str(name)
        if not _AVERAGE.search(str(name)):
            yield from _keys(value, seen, depth - 1)


def _places(candidate: Candidate, network: nn.Module) -> Iterator[Candidate]:
    """Yield the places in a state dict where most names of the network are found."""
    states = under_prefixes(candidate.state, network)
    if not states:
        yield candidate
    for prefix, state in states.items():
        place = ".".join(part for part in (candidate.place, prefix.rstrip(".")) if part)
        yield Candidate(place, state, candidate.averaged or bool(_AVERAGE.search(place)))


def _what_it_holds(content: Any) -> str:
    """Say what a file holds that has no weights, and what to do."""
    if isinstance(content, Mapping) and "param_groups" in content:
        return (
            "is the state of an optimizer and holds no state dict of a network; give the file "
            "that network.state_dict() was saved to"
        )
    named = isinstance(content, Mapping) and len(content) > 0
    names = f" (it has {listed(list(map(str, content)))})" if named else ""
    return (
        f"holds no state dict, names with a tensor each{names}; save "
        "network.state_dict() with torch.save"
    )


def _equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(
        value is other[name] or torch.equal(value, other[name]) for name, value in one.items()
    )
