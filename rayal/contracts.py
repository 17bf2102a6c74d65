"""The nouns of rayal and the four decorators that make a function a component.

Letters used everywhere: N pool size, M test size, C classes, D feature dimensions,
B budget (images labelled in one query), K clusters, E epochs, T Monte-Carlo passes.

A component is one decorated function. Its name is the YAML name, its keyword-only parameters are
the YAML parameters, and their defaults stand in the signature and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from rayal import modifiers, requirements
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
    """A pool to choose from (train), a test set, and perhaps a validation set.

    reserved: positions of the pool set aside as first labels (CBAL's balanced tenth), for the
    strategy `set_aside`.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    val: Split | None = None
    reserved: Indices | None = None

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
        if self.reserved is not None:
            state.update(self.reserved.astype(np.int64).tobytes())
        return state.hexdigest()


@dataclass(frozen=True)
class DatasetMap:
    """How well each training image was told apart while the encoder trained (HaCon, Eq. 1-3).

    confidence, variability: temperature -> (N,) float32, mean and standard deviation over the
    records of an image; count: (N,) int64, how many records it had.
    truth: (N,) float32 each, mean and standard deviation over epochs of the probability that a
    supervised classifier gave the true class (Swayamdipta et al. 2020), where one was trained.
    """

    confidence: Mapping[float, npt.NDArray[np.float32]]
    variability: Mapping[float, npt.NDArray[np.float32]]
    count: npt.NDArray[np.int64]
    truth: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None

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
    weights: parameter name -> array, for learners that go on training it; views (A, N, D): the
    features of A randomly augmented copies of each image of the pool.
    """

    train: Features
    test: Features
    map: DatasetMap | None = None
    weights: Mapping[str, npt.NDArray[np.generic]] | None = None
    views: Features | None = None


@dataclass(frozen=True)
class Predictions:
    """What a learner says: test (M, C) probabilities, and more of the pool when asked.

    The pool's own: probabilities (N, C); T Monte-Carlo passes with dropout, (N, C) each;
    probabilities of augmented copies, (N, C) each; what the last layer sees, (N, H); and, of a
    learner with fixed prototypes, its output before them, (N, C - 1). None where it has no such
    thing: it then lacks the name among what it `gives`.
    """

    test: Probs
    predict_pool: Callable[[], Probs]
    predict_dropout: Callable[[int, np.random.Generator], Iterator[Probs]] | None = None
    predict_views: Callable[[], Iterator[Probs]] | None = None
    hide: Callable[[], Features] | None = None
    project: Callable[[], Features] | None = None

    @cached_property
    def pool(self) -> Probs:
        return self.predict_pool()

    @cached_property
    def hidden(self) -> Features:
        return _given(self.hide, "hidden")()

    @cached_property
    def projected(self) -> Features:
        return _given(self.project, "prototypes")()


@dataclass(frozen=True)
class Pool:
    """All that a strategy may see.

    labels are UNLABELED until asked for. truth is given to strategies declared `oracle` alone.
    predictions are those of the learner trained so far, None before the first label; each part of
    them is computed on first use, at most once a round. first: the pool as it was at the first
    query that had predictions, for rules that are tuned once. reserved: positions that the dataset
    sets aside as first labels.
    """

    features: Features
    labels: Labels
    num_classes: int
    images: Images | None = None
    map: DatasetMap | None = None
    truth: Labels | None = None
    predictions: Predictions | None = None
    first: Callable[[], Pool] | None = None
    reserved: Indices | None = None

    @cached_property
    def unlabelled(self) -> Indices:
        """Ascending indices of the images without a label."""
        return np.flatnonzero(self.labels == UNLABELED)

    @cached_property
    def labelled(self) -> Indices:
        """Ascending indices of the images with a label."""
        return np.flatnonzero(self.labels != UNLABELED)

    @property
    def probs(self) -> Probs:
        """Class probabilities (N, C)."""
        return self._predicted.pool

    @property
    def hidden(self) -> Features:
        """What the learner's last layer sees, (N, H)."""
        return self._predicted.hidden

    @property
    def projected(self) -> Features:
        """Outputs (N, C - 1) that a learner with prototypes compares with them."""
        return self._predicted.projected

    def dropout_passes(self, passes: int, rng: np.random.Generator) -> Iterator[Probs]:
        """Class probabilities (N, C) of T passes, each with its own units dropped."""
        return _given(self._predicted.predict_dropout, "dropout")(passes, rng)

    def view_passes(self) -> Iterator[Probs]:
        """Class probabilities (N, C) of each augmented copy of the pool."""
        return _given(self._predicted.predict_views, "views")()

    @property
    def _predicted(self) -> Predictions:
        if self.predictions is None:
            raise ValueError("predictions were asked for before the first label was given")
        return self.predictions


@dataclass(frozen=True)
class Task:
    """What a learner sees: features of pool (N, D) and test (M, D), and the labels so far (N,).

    views (A, N, D): features of augmented copies, where the encoder made some. round: 0 for the
    first training; earlier: what the learner said a round before, where it asks to be told.
    For learners that train a network of their own: the images of pool and test set, a validation
    set where the dataset has one, and the encoder's weights where it has a network.
    """

    train: Features
    test: Features
    labels: Labels
    num_classes: int
    views: Features | None = None
    round: int = 0
    earlier: Predictions | None = None
    images: Images | None = None
    test_images: Images | None = None
    val: Split | None = None
    weights: Mapping[str, npt.NDArray[np.generic]] | None = None

    @cached_property
    def labelled(self) -> Indices:
        return np.flatnonzero(self.labels != UNLABELED)

    def require_label(self, learner: str, use: str = "train on") -> None:
        """Raise ValueError where no image has a label.

        Args:
            learner: its name.
            use: what it does with labels.
        """
        if len(self.labelled) == 0:
            raise ValueError(
                f"{learner} needs at least one label to {use}, and none of {len(self.labels)} "
                "is given"
            )


P = ParamSpec("P")  # a component's own parameters, all keyword-only
Strategy: TypeAlias = Callable[Concatenate[Pool, int, np.random.Generator, P], Indices]
Encoder: TypeAlias = Callable[Concatenate[Dataset, np.random.Generator, Progress, P], Embedding]
Learner: TypeAlias = Callable[Concatenate[Task, np.random.Generator, P], Predictions]
DatasetLoader: TypeAlias = Callable[P, Dataset]

Names: TypeAlias = Callable[[Mapping[str, Any]], set[str]]
# From a component's parameters and the pool's size N; a strategy's also from the encoder's.
Check: TypeAlias = Callable[[Mapping[str, Any], int], None]
StrategyCheck: TypeAlias = Callable[[Mapping[str, Any], int, Mapping[str, Any]], None]


def strategy(
    *,
    needs: set[str] | Names | None = None,
    oracle: set[str] | Names | None = None,
    check: StrategyCheck | None = None,
) -> Callable[[Strategy[P]], Strategy[P]]:
    """Register `(pool, budget, rng, *, params) -> indices`, B distinct unlabelled positions.

    Every strategy has one more parameter, `label_balanced`: equal numbers of each true class, in
    the strategy's own order.

    needs: names, in `rayal.requirements`, of what it reads beyond features and labels; oracle:
    {"truth"} when it reads true labels. Either may be a function of the parameters.
    check: `(params, N, encoder's params)`; raises ValueError where they do not fit together;
    called when a sweep is planned.
    """
    peeks = _as_function(oracle)

    def oracle_or_balanced(params: Mapping[str, Any]) -> set[str]:
        return peeks(params) | ({"truth"} if params["label_balanced"] else set())

    def register(function: Strategy[P]) -> Strategy[P]:
        reads = _requirements(needs, f"strategy '{function.__name__}'")
        facts = _with_check(Facts(needs=reads, oracle=oracle_or_balanced), check)
        return STRATEGIES.register(facts)(modifiers.label_balanced(function))

    return register


def encoder(
    *,
    gives: set[str] | Names | None = None,
    check: Check | None = None,
) -> Callable[[Encoder[P]], Encoder[P]]:
    """Register `(dataset, rng, progress, *, params) -> Embedding`.

    One that trains may take `keep` after progress, a folder for what lets it go on after a stop,
    or None.

    gives: names, in `rayal.requirements`, of what it makes besides features; or a function of the
    parameters.
    check: raises ValueError where parameters do not fit together or a pool of N images, and
    FileNotFoundError where they name a file that is absent; called when a sweep is planned.
    """

    def register(function: Encoder[P]) -> Encoder[P]:
        made = _requirements(gives, f"encoder '{function.__name__}'")
        return ENCODERS.register(_with_check(Facts(gives=made), check))(function)

    return register


def learner(
    *,
    needs: set[str] | Names | None = None,
    gives: set[str] | Names | None = None,
    check: Check | None = None,
    recalls: Callable[[Mapping[str, Any]], bool] = lambda _: False,
    many: Callable[..., list[Predictions]] | None = None,
) -> Callable[[Learner[P]], Learner[P]]:
    """Register `(task, rng, *, params) -> Predictions`.

    needs: names, in `rayal.requirements`, of what it reads beyond features and labels; a learner of
    images makes its own augmented copies. gives: of what its predictions hold besides
    probabilities. Either may be a function of the parameters.
    check: raises ValueError where parameters do not fit together, and FileNotFoundError where they
    name a file that is absent; called when a sweep is planned.
    recalls: from the parameters, whether it wants Task.earlier.
    many: `(tasks, rngs, *, params) -> list of Predictions`, the same for several tasks on one
    world, faster.
    """

    def register(function: Learner[P]) -> Learner[P]:
        name = f"learner '{function.__name__}'"
        more = _requirements(gives, name)
        facts = Facts(
            needs=_requirements(needs, name),
            gives=lambda params: {"predictions", "labels"} | more(params),
            recalls=recalls,
            many=many,
        )
        return LEARNERS.register(_with_check(facts, check))(function)

    return register


def dataset(
    *,
    published: Callable[..., tuple[int, int]] | None = None,
    class_counts: Callable[..., Sequence[int]] | None = None,
) -> Callable[[DatasetLoader[P]], DatasetLoader[P]]:
    """Register `(*, params) -> Dataset`.

    Every dataset has one more parameter, `imbalance`: the pool's classes shrink exponentially or
    by a step, after a share was set aside as first labels (`kernels.imbalance.Imbalance`).

    published: from the same parameters, the published (N, C), for plans made where the files are
    absent; class_counts: the published images of each class, so that such a plan knows the size of
    an imbalanced pool. Without them it shows the size before the imbalance.
    """
    size = None if published is None else modifiers.published_size(published, class_counts)

    def register(function: DatasetLoader[P]) -> DatasetLoader[P]:
        return DATASETS.register(Facts(published=size))(modifiers.imbalance(function))

    return register


Part = TypeVar("Part")


def _given(part: Part | None, name: str) -> Part:
    if part is None:
        raise ValueError(f"the learner gives no '{name}', and the strategy reads it")
    return part


def _with_check(facts: Facts, check: Check | StrategyCheck | None) -> Facts:
    return facts if check is None else replace(facts, check=check)


def _requirements(names: set[str] | Names | None, component: str) -> Names:
    """Names that are in the table of requirements, as a function of the parameters."""
    named = _as_function(names)

    def known(params: Mapping[str, Any]) -> set[str]:
        return requirements.known(named(params), component)

    return known


def _as_function(names: set[str] | Names | None) -> Names:
    if callable(names):
        return names
    fixed = set(names or ())
    return lambda _: set(fixed)
