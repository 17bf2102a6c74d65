"""What components declare about themselves in their decorators, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

Params: TypeAlias = Mapping[str, Any]
Names: TypeAlias = Callable[[Params], set[str]]
DatasetPart: TypeAlias = Literal["images", "features", "nothing"]  # what an encoder reads


@dataclass(frozen=True)
class Traits:
    """What a component of any kind may declare about itself, from its parameters.

    check: raises where they do not fit together. notes: what a plan says of it, a line each. files:
    those that determine what it does, by the parameter naming each; None: all that are named.
    added: names of the parameters that came after its first release. At their defaults it does what
    it did without them, and they are no part of a trial's definition.
    former: the same of parameters whose default is another: name -> the value at which it does what
    it did before.
    """

    check: Callable[..., None] = lambda *_: None
    notes: Callable[..., list[str]] = lambda *_: []
    files: Callable[[Params], Mapping[str, Path]] | None = None
    added: frozenset[str] = frozenset()
    former: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetTraits(Traits):
    """published: the published (N, C), from the parameters; None where they are not known.

    multilabel: whether an image of them has several classes.
    """

    published: Callable[..., tuple[int, int]] | None = None
    multilabel: bool = False


@dataclass(frozen=True)
class EncoderTraits(Traits):
    """gives: names of what it makes besides features. reads: what of the dataset.

    draws: whether its features depend on its seed. bare_pixels: whether they are the pixels, which
    no network has seen.
    """

    gives: Names = lambda _: set()
    draws: Callable[[Params], bool] = lambda _: True
    reads: Callable[[Params], DatasetPart] = lambda _: "images"
    bare_pixels: bool = False


@dataclass(frozen=True)
class StrategyTraits(Traits):
    """needs: names of what it reads beyond features and labels; oracle: if it reads true labels.

    unit_length: if it sees features scaled to unit length alone. blockwise: if it reads features of
    a large pool a part at a time, of float16 too. multilabel: if it handles several classes an
    image.
    """

    needs: Names = lambda _: set()
    oracle: Callable[[Params], bool] = lambda _: False
    unit_length: Callable[[Params], bool] = lambda _: False
    blockwise: bool = False
    multilabel: Callable[[Params], bool] = lambda _: False


@dataclass(frozen=True)
class LearnerTraits(Traits):
    """needs: names of what it reads beyond features and labels; gives: of what it predicts.

    uses_previous_predictions: whether it reads those of the round before. fit_batched: does the
    same for several tasks at once, faster; None where it has no such way. multilabel: whether it
    handles several classes an image.
    """

    needs: Names = lambda _: set()
    gives: Names = lambda _: set()
    uses_previous_predictions: Callable[[Params], bool] = lambda _: False
    fit_batched: Callable[..., list[Any]] | None = None
    multilabel: Callable[[Params], bool] = lambda _: False
