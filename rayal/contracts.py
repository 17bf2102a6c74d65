"""The nouns of rayal and the four decorators that make a function a component.

Letters used everywhere: N pool size, M test size, C classes, D feature dimensions,
B budget (images labelled in one query), K clusters, E epochs.

A component is one decorated function. Its name is the YAML name, its keyword-only parameters are
the YAML parameters, and their defaults stand in the signature and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES, Facts

UNLABELED = -1

Images: TypeAlias = npt.NDArray[np.uint8]  # (N, H, W, channels)
Labels: TypeAlias = npt.NDArray[np.int64]  # (N,), UNLABELED where unknown
Indices: TypeAlias = npt.NDArray[np.int64]  # (B,)
Features: TypeAlias = npt.NDArray[np.float32]  # (N, D)
Probs: TypeAlias = npt.NDArray[np.float32]  # (N, C), rows sum to one
Progress: TypeAlias = Callable[
    [Mapping[str, float]], None
]  # epoch, epochs, loss, images_per_second


@dataclass(frozen=True)
class Split:
    """Images (N, H, W, channels) uint8 and their classes (N,) int64."""

    images: Images
    labels: Labels


@dataclass(frozen=True)
class Dataset:
    """A pool to choose from (train), a test set, and perhaps a validation set."""

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    val: Split | None = None

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @cached_property
    def content(self) -> str:
        """Hash of images, labels and classes: the same data anywhere have the same content."""
        state = hashlib.blake2b(repr(self.classes).encode(), digest_size=16)
        for split in (self.train, self.test, self.val):
            for array in (split.images, split.labels) if split else ():
                state.update(f"{array.dtype.str}{array.shape}".encode())
                state.update(np.ascontiguousarray(array).data)
        return state.hexdigest()


@dataclass(frozen=True)
class DatasetMap:
    """How well each training image was told apart while the encoder trained (HaCon, Eq. 1-3).

    confidence, variability: temperature -> (N,) float32, mean and standard deviation over the
    records of an image; count: (N,) int64, how many records it had.
    """

    confidence: Mapping[float, npt.NDArray[np.float32]]
    variability: Mapping[float, npt.NDArray[np.float32]]
    count: npt.NDArray[np.int64]

    def check_tau(self, tau: float) -> float:
        """Return tau if the map has it, or say which temperatures it has."""
        if tau not in self.confidence:
            known = ", ".join(f"{t:g}" for t in self.confidence)
            raise ValueError(f"the dataset map has no temperature tau={tau:g}; it has {known}")
        return tau


@dataclass(frozen=True)
class Embedding:
    """What an encoder makes of a dataset.

    train (N, D) and test (M, D) float32 features; the map where the encoder was trained here;
    weights: parameter name -> array, for learners that go on training it.
    """

    train: Features
    test: Features
    map: DatasetMap | None = None
    weights: Mapping[str, npt.NDArray[np.generic]] | None = None


@dataclass(frozen=True)
class Pool:
    """All that a strategy may see.

    labels are UNLABELED until asked for. truth is given to strategies declared `oracle` alone.
    probs are computed on first use, at most once a round.
    """

    features: Features
    labels: Labels
    num_classes: int
    images: Images | None = None
    map: DatasetMap | None = None
    truth: Labels | None = None
    predict: Callable[[], Probs] | None = None

    @cached_property
    def unlabelled(self) -> Indices:
        """Ascending indices of the images without a label."""
        return np.flatnonzero(self.labels == UNLABELED)

    @cached_property
    def labelled(self) -> Indices:
        """Ascending indices of the images with a label."""
        return np.flatnonzero(self.labels != UNLABELED)

    @cached_property
    def probs(self) -> Probs:
        """Class probabilities (N, C) of the learner trained so far."""
        if self.predict is None:
            raise ValueError("predictions were asked for before the first label was given")
        return self.predict()


@dataclass(frozen=True)
class Task:
    """What a learner sees: features of pool (N, D) and test (M, D), and the labels so far (N,)."""

    train: Features
    test: Features
    labels: Labels
    num_classes: int

    @cached_property
    def labelled(self) -> Indices:
        return np.flatnonzero(self.labels != UNLABELED)


@dataclass(frozen=True)
class Predictions:
    """What a learner says: test (M, C) probabilities, and the pool's (N, C) when asked."""

    test: Probs
    predict_pool: Callable[[], Probs]

    @cached_property
    def pool(self) -> Probs:
        return self.predict_pool()


Needs: TypeAlias = Callable[[Mapping[str, object]], set[str]]
Strategy: TypeAlias = Callable[..., Indices]
Encoder: TypeAlias = Callable[..., Embedding]
Learner: TypeAlias = Callable[..., Predictions]
DatasetLoader: TypeAlias = Callable[..., Dataset]


def strategy(
    *, needs: set[str] | Needs | None = None, oracle: set[str] | Needs | None = None
) -> Callable[[Strategy], Strategy]:
    """Register `(pool, budget, rng, *, params) -> indices`, B distinct unlabelled positions.

    needs: what it reads beyond features and labels, of {"predictions", "images", "map"};
    oracle: {"truth"} when it reads true labels. Either may be a function of the parameters.
    """
    return STRATEGIES.register(Facts(needs=_as_function(needs), oracle=_as_function(oracle)))


def encoder(
    *, makes_map: bool = False, check: Callable[[Mapping[str, Any], int], None] | None = None
) -> Callable[[Encoder], Encoder]:
    """Register `(dataset, rng, progress, *, params) -> Embedding`.

    check: raises ValueError where parameters do not fit together or a pool of N images; called
    when a sweep is planned.
    """
    facts = Facts(makes_map=makes_map)
    return ENCODERS.register(facts if check is None else replace(facts, check=check))


def learner() -> Callable[[Learner], Learner]:
    """Register `(task, rng, *, params) -> Predictions`."""
    return LEARNERS.register(Facts())


def dataset(
    *, published: Callable[..., tuple[int, int]] | None = None
) -> Callable[[DatasetLoader], DatasetLoader]:
    """Register `(*, params) -> Dataset`.

    published: from the same parameters, the published (N, C), for plans made where the files are
    absent.
    """
    return DATASETS.register(Facts(published=published))


def _as_function(names: set[str] | Needs | None) -> Needs:
    if callable(names):
        return names
    fixed = set(names or ())
    return lambda _: fixed
