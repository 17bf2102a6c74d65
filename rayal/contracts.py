"""The nouns of rayal and the four decorators that make a function a component.

Letters used everywhere: N pool size, M test size, C classes, D feature dimensions,
B budget (images labeled in one query), K clusters, E epochs, T Monte-Carlo passes.

A component is one decorated function. Its name is the YAML name, its keyword-only parameters are
the YAML parameters, and their defaults stand in the signature and nowhere else.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from rayal import modifiers, requirements
from rayal.former_names import FormerPoolNames, FormerTaskNames
from rayal.kernels.feature_transform import FeatureTransform
from rayal.label_arrays import UNLABELED as UNLABELED
from rayal.label_arrays import Labels as Labels
from rayal.label_arrays import has_label, is_multilabel
from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES
from rayal.traits import DatasetPart, DatasetTraits, EncoderTraits, LearnerTraits, StrategyTraits

Images: TypeAlias = npt.NDArray[np.uint8]  # (N, H, W, channels)
Indices: TypeAlias = npt.NDArray[np.int64]  # (B,)
Features: TypeAlias = npt.NDArray[np.float32]  # (N, D)
# (N, C): rows sum to one; with several classes an image each is the chance of its class alone.
Probs: TypeAlias = npt.NDArray[np.float32]
Weights: TypeAlias = Mapping[str, npt.NDArray[np.generic]]  # parameter name -> array

# What an encoder reports while it trains: epoch and epochs (counts), loss, images_per_second.
Progress: TypeAlias = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True)
class StoredFeatures:
    """Features (N, D) that come with the data, and are read some rows at a time.

    content: a hash of them. parts: from nothing, their rows (n, D) in order, of any float type; a
    function that can be sent to another process.
    """

    content: str
    parts: Callable[[], Iterator[npt.NDArray[np.floating[Any]]]]


@dataclass(frozen=True)
class Split:
    """Images (N, H, W, channels) uint8 and their classes (N,) int64; of several an image (N, C).

    files: names (N,) of the images' files, where they have some; relative to the dataset's folder.
    features: of data that come as features; images without pixels, (N, 0, 0, 0), say that there
    are no others.
    """

    images: Images
    labels: Labels
    files: Sequence[str] | None = None
    features: StoredFeatures | None = None


@dataclass(frozen=True)
class Dataset:
    """A pool to choose from (train), a test set, and perhaps a validation set.

    initial_pool: positions (P,) of the pool that are set aside as first labels (CBAL's balanced
    tenth), for the strategy `set_aside`.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    val: Split | None = None
    initial_pool: Indices | None = None

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def multilabel(self) -> bool:
        """Whether an image may have several classes; labels are then (N, C)."""
        return is_multilabel(self.train.labels)

    @cached_property
    def content(self) -> str:
        """Hash of images, labels and classes, the same for the same data anywhere."""
        state = hashlib.blake2b(repr(self.classes).encode(), digest_size=16)
        for split in (self.train, self.test, self.val):
            for array in (split.images, split.labels) if split else ():
                state.update(f"{array.dtype.str}{array.shape}".encode())
                state.update(np.ascontiguousarray(array).data)
            if split is not None and split.features is not None:
                state.update(split.features.content.encode())
        if self.initial_pool is not None:
            state.update(self.initial_pool.astype(np.int64).tobytes())
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
        """Return tau if the map has it.

        Raises:
            ValueError: it has not; the message lists the temperatures that it has.
        """
        if tau not in self.confidence:
            known = ", ".join(f"{t:g}" for t in self.confidence)
            raise ValueError(f"the dataset map has no temperature tau={tau:g}; it has {known}")
        return tau


@dataclass(frozen=True)
class Embedding:
    """What an encoder makes of a dataset.

    train (N, D) and test (M, D): float32 features. What not every encoder makes is None where it
    does not: the map where it was trained here; weights of its network, for learners that go on
    training it; views (A, N, D), the features of A randomly augmented copies of each image of the
    pool. A further output is a field here and of Pool or Task, which TrialData fills, and a row of
    `rayal.requirements`; it is stored by its name.
    """

    train: Features
    test: Features
    map: DatasetMap | None = None
    weights: Weights | None = None
    views: Features | None = None

    def transformed(self, transform: FeatureTransform) -> Embedding:
        """Return the same with transformed features, see `kernels.feature_transform`."""
        train, test, views = modifiers.transform_features(
            transform, self.train, self.test, self.views
        )
        return replace(self, train=train, test=test, views=views)


@dataclass(frozen=True)
class Predictions:
    """A trained learner as functions; None for what it lacks among what it `gives`.

    test: probabilities (M, C) of the test set. Of the pool: predict_pool, probabilities (N, C);
    mc_dropout, from T and a generator, T Monte-Carlo passes with dropout, (N, C) each;
    predict_views, probabilities (N, C) of each augmented copy; penultimate_features (N, H), what
    the last layer sees; prototype_outputs (N, C - 1), outputs before fixed prototypes. last_layer:
    the weights (C, H + 1), bias last, that make logits of penultimate features; the bias is minus
    infinity for a class that is never predicted. pseudo_labels: classes (N,) that training gave
    itself, UNLABELED where it gave none; None where the learner has no rule for it.
    """

    test: Probs
    predict_pool: Callable[[], Probs]
    mc_dropout: Callable[[int, np.random.Generator], Iterator[Probs]] | None = None
    predict_views: Callable[[], Iterator[Probs]] | None = None
    penultimate_features: Callable[[], Features] | None = None
    prototype_outputs: Callable[[], Features] | None = None
    last_layer: Callable[[], Features] | None = None
    pseudo_labels: Labels | None = None

    @cached_property
    def pool(self) -> Probs:
        """Probabilities (N, C) of the pool, computed once."""
        return self.predict_pool()


@dataclass(frozen=True)
class Pool(FormerPoolNames):
    """All that a strategy may see of N images.

    features (N, D). labels (N,): UNLABELED until asked for, read-only; (N, C) where an image may
    have several classes, of 0, 1 and UNLABELED. images (N, H, W, channels).
    true_labels (N,): for strategies declared `oracle` alone. predictions: of the learner trained so
    far, None before the first label; each part is computed on first use. first_predicted: the pool
    as it was at the first query that had predictions, for rules that are tuned once; None at that
    query itself. initial_pool: positions that the dataset sets aside as first labels.
    predict_without: from positions (n,) of labeled images, their probabilities (n, C) by the same
    learner trained on the other labels: one more training. None where there is no learner.
    score_batches: from batches (B,) of unlabeled positions, mean per-class accuracy and macro AUC
    on the test set of the learner trained with each one's true labels; for oracles alone.
    bare_pixels: whether features are the pixels, which no network has seen: said by the encoder.
    """

    features: Features
    labels: Labels
    num_classes: int
    images: Images | None = None
    map: DatasetMap | None = None
    true_labels: Labels | None = None
    predictions: Predictions | None = None
    first_predicted: Callable[[], Pool] | None = None
    initial_pool: Indices | None = None
    predict_without: Callable[[Indices], Probs] | None = None
    score_batches: Callable[[Sequence[Indices]], list[tuple[float, float]]] | None = None
    bare_pixels: bool = False

    @cached_property
    def unlabeled(self) -> Indices:
        """Ascending positions (U,) of the images without a label."""
        return np.flatnonzero(~has_label(self.labels))

    @cached_property
    def labeled(self) -> Indices:
        """Ascending positions (L,) of the images with a label."""
        return np.flatnonzero(has_label(self.labels))

    @property
    def multilabel(self) -> bool:
        """Whether an image may have several classes."""
        return is_multilabel(self.labels)

    @property
    def probs(self) -> Probs:
        """Class probabilities (N, C); of several classes an image each for itself."""
        return self._predicted.pool

    @cached_property
    def penultimate_features(self) -> Features:
        """What the learner's last layer sees, (N, H)."""
        return _given(self._predicted.penultimate_features, "hidden")()

    @cached_property
    def prototype_outputs(self) -> Features:
        """Outputs (N, C - 1) that a learner with prototypes compares with them."""
        return _given(self._predicted.prototype_outputs, "prototypes")()

    @cached_property
    def last_layer(self) -> Features:
        """Weights (C, H + 1) of the learner's last layer, bias last."""
        return _given(self._predicted.last_layer, "last_layer")()

    def mc_dropout(self, passes: int, rng: np.random.Generator) -> Iterator[Probs]:
        """Class probabilities (N, C) of T passes, each with its own units dropped."""
        return _given(self._predicted.mc_dropout, "dropout")(passes, rng)

    def predict_views(self) -> Iterator[Probs]:
        """Class probabilities (N, C) of each augmented copy of the pool."""
        return _given(self._predicted.predict_views, "views")()

    @property
    def _predicted(self) -> Predictions:
        if self.predictions is None:
            raise ValueError("predictions were asked for before the first label was given")
        return self.predictions


@dataclass(frozen=True)
class Task(FormerTaskNames):
    """What a learner sees: features of pool (N, D) and test (M, D), and the labels so far (N,).

    Where an image may have several classes, labels are (N, C) of 0, 1 and UNLABELED.
    views (A, N, D): features of augmented copies, where the encoder made some. round: 0 for the
    first training; previous_predictions: of the learner a round before, where it uses them.
    For learners that train a network of their own: images (N, H, W, channels) of the pool and
    test_images (M, H, W, channels), a validation set where the dataset has one, and the encoder's
    weights where it has a network.
    """

    train: Features
    test: Features
    labels: Labels
    num_classes: int
    views: Features | None = None
    round: int = 0
    previous_predictions: Predictions | None = None
    images: Images | None = None
    test_images: Images | None = None
    val: Split | None = None
    weights: Weights | None = None

    @cached_property
    def labeled(self) -> Indices:
        """Ascending positions (L,) of the images with a label."""
        return np.flatnonzero(has_label(self.labels))

    @property
    def multilabel(self) -> bool:
        """Whether an image may have several classes."""
        return is_multilabel(self.labels)

    def require_label(self, learner: str, use: str = "train on") -> None:
        """Raise ValueError where no image has a label.

        Args:
            learner: its name.
            use: what it does with labels.
        """
        if len(self.labeled) == 0:
            raise ValueError(
                f"{learner} needs at least one label to {use}, and none of {len(self.labels)} "
                "is given"
            )


@dataclass(frozen=True)
class TrialData:
    """What all trials of one dataset and encoder share. Arrays are read-only.

    others: embeddings of the same dataset by other encoders, on which strategies select, by id.
    """

    dataset: Dataset
    embedding: Embedding
    others: Mapping[str, Embedding] = field(default_factory=dict)

    def on(self, embedding_id: str) -> TrialData:
        """Return the same with one of the other embeddings; as it is where the id is none."""
        return replace(self, embedding=self.others.get(embedding_id, self.embedding))

    def pool(
        self,
        labels: Labels,
        predictions: Predictions | None = None,
        first_predicted: Callable[[], Pool] | None = None,
        predict_without: Callable[[Indices], Probs] | None = None,
        score_batches: Callable[[Sequence[Indices]], list[tuple[float, float]]] | None = None,
    ) -> Pool:
        """Return all that a strategy may see with labels (N,), the true ones included."""
        return Pool(
            features=self.embedding.train,
            labels=_frozen(labels),
            num_classes=self.dataset.num_classes,
            images=self.dataset.train.images,
            map=self.embedding.map,
            true_labels=self.dataset.train.labels,
            predictions=predictions,
            first_predicted=first_predicted,
            initial_pool=self.dataset.initial_pool,
            predict_without=predict_without,
            score_batches=score_batches,
        )

    def task(self, labels: Labels, round: int = 0, previous: Predictions | None = None) -> Task:
        """Return all that a learner may see with labels (N,)."""
        return Task(
            train=self.embedding.train,
            test=self.embedding.test,
            labels=_frozen(labels),
            num_classes=self.dataset.num_classes,
            views=self.embedding.views,
            round=round,
            previous_predictions=previous,
            images=self.dataset.train.images,
            test_images=self.dataset.test.images,
            val=self.dataset.val,
            weights=self.embedding.weights,
        )


P = ParamSpec("P")  # a component's own parameters, all keyword-only
Strategy: TypeAlias = Callable[Concatenate[Pool, int, np.random.Generator, P], Indices]
Encoder: TypeAlias = Callable[Concatenate[Dataset, np.random.Generator, Progress, P], Embedding]
Learner: TypeAlias = Callable[Concatenate[Task, np.random.Generator, P], Predictions]
DatasetLoader: TypeAlias = Callable[P, Dataset]


@dataclass(frozen=True)
class DataShape:
    """N images of the pool and M to test, of shape (H, W, channels); () where it is not known."""

    N: int
    M: int
    image: tuple[int, ...]


Names: TypeAlias = Callable[[Mapping[str, Any]], set[str]]
# From a component's parameters: what a plan says of it, a line each; and the files that determine
# what it does, by the parameter that names them.
Notes: TypeAlias = Callable[[Mapping[str, Any], DataShape], list[str]]
Files: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Path]]
# From a component's parameters and the pool's size N; a strategy's also from the encoder's.
Check: TypeAlias = Callable[[Mapping[str, Any], int], None]
StrategyCheck: TypeAlias = Callable[[Mapping[str, Any], int, Mapping[str, Any]], None]


def _no_check(*_: object) -> None:
    """Accept whatever the parameters are."""


def _no_notes(*_: object) -> list[str]:
    """Say nothing."""
    return []


def strategy(  # noqa: PLR0913  a component declares this much about itself
    *,
    needs: set[str] | Names | None = None,
    oracle: bool | Callable[[Mapping[str, Any]], bool] = False,
    unit_length: bool | Callable[[Mapping[str, Any]], bool] = False,
    geometric: bool = False,
    blockwise: bool = False,
    multilabel: bool | Callable[[Mapping[str, Any]], bool] | None = None,
    check: StrategyCheck = _no_check,
    files: Files | None = None,
    added: Collection[str] = (),
) -> Callable[[Strategy[P]], Strategy[P]]:
    """Register `(pool, budget, rng, *, params) -> indices`, B distinct unlabeled positions.

    Every strategy has one more parameter, `label_balanced`: equal numbers of each true class, in
    the strategy's own order.

    needs: names, in `rayal.requirements`, of what it reads beyond features and labels; oracle:
    whether it reads true labels; unit_length: whether it sees features scaled to unit length alone,
    so that images differ by direction. Each may be a function of the parameters.
    geometric: whether it compares features alone; it then has `space`, which may be `hidden`, what
    the learner's last layer sees, and `normalize` where it does not scale to unit length itself.
    blockwise: whether it reads the features of a large pool a part at a time (`kernels.rows`), so
    that they may be a mapped file, and of float16.
    multilabel: whether it handles several classes an image; without it, if it reads neither true
    labels nor anything of a learner but what its last layer sees.
    check: `(params, N, encoder's params)`; raises ValueError where they do not fit together;
    called when a sweep is planned.
    files: whose content the choice depends on; without it none, though a parameter may name one.
    added: names of parameters that came after the strategy's first release: at their defaults it
    chooses as before, and finished trials keep their ids.
    """

    def oracle_or_balanced(params: Mapping[str, Any]) -> bool:
        own = oracle(params) if callable(oracle) else oracle
        return bool(own or params["label_balanced"])

    def register(function: Strategy[P]) -> Strategy[P]:
        own = _requirements(needs, f"strategy '{function.__name__}'")
        late = frozenset(added)
        if geometric:
            before = inspect.signature(function).parameters.keys()
            function = modifiers.geometric(function, normalizes=unit_length is True)
            late |= inspect.signature(function).parameters.keys() - before

        def reads(params: Mapping[str, Any]) -> set[str]:
            hidden = geometric and params.get("space") == "hidden"
            return own(params) | ({"hidden"} if hidden else set())

        def handles_several(params: Mapping[str, Any]) -> bool:
            declared = multilabel(params) if callable(multilabel) else multilabel
            learned = requirements.FROM_LEARNER - {"hidden"}
            able = not own(params) & learned if declared is None else declared
            return bool(able) and not oracle_or_balanced(params)

        traits = StrategyTraits(
            needs=reads,
            multilabel=handles_several,
            oracle=oracle_or_balanced,
            unit_length=unit_length if callable(unit_length) else lambda _: unit_length,
            blockwise=blockwise,
            check=check,
            files=files,
            added=late,
        )
        return STRATEGIES.register(traits)(modifiers.label_balanced(function))

    return register


def encoder(  # noqa: PLR0913  a component declares this much about itself
    *,
    gives: set[str] | Names | None = None,
    check: Check = _no_check,
    notes: Notes = _no_notes,
    files: Files | None = None,
    reads: Callable[[Mapping[str, Any]], DatasetPart] = lambda _: "images",
    draws: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    bare_pixels: bool = False,
    added: Collection[str] = (),
    former: Mapping[str, object] | None = None,
) -> Callable[[Encoder[P]], Encoder[P]]:
    """Register `(dataset, rng, progress, *, params) -> Embedding`.

    One that trains may take `keep` after progress, a folder for what lets it go on after a stop,
    or None. Every encoder has one more parameter, `features`: a transform of what it makes, fitted
    to the pool (`kernels.feature_transform`).

    gives: names, in `rayal.requirements`, of what it makes besides features; or a function of the
    parameters.
    check: raises ValueError where parameters do not fit together or a pool of N images, and
    FileNotFoundError where they name a file that is absent; called when a sweep is planned.
    notes: what people would want to know before it runs, such as where its weights come from.
    files: whose content the features depend on; without it every parameter that is the path of a
    file. reads: what of the dataset it looks at: images, or its own features, or nothing. draws:
    whether its features depend on its seed; a plan says where several seeds give the same.
    bare_pixels: whether they are the pixels, which no network has seen. added: as a strategy's.
    former: parameters that came after the first release with another default than what
    the encoder did before, and the value at which it still does that.
    """

    def register(function: Encoder[P]) -> Encoder[P]:
        traits = EncoderTraits(
            gives=_requirements(gives, f"encoder '{function.__name__}'"),
            check=check,
            notes=notes,
            files=files,
            reads=reads,
            draws=draws,
            bare_pixels=bare_pixels,
            added=frozenset(added),
            former=former or {},
        )
        if "features" in inspect.signature(function).parameters:  # its own, of another meaning
            return ENCODERS.register(traits)(function)
        return ENCODERS.register(_with_features(traits))(modifiers.features(function))

    return register


def learner(  # noqa: PLR0913  a component declares this much about itself
    *,
    needs: set[str] | Names | None = None,
    gives: set[str] | Names | None = None,
    check: Check = _no_check,
    notes: Notes = _no_notes,
    files: Files | None = None,
    uses_previous_predictions: Callable[[Mapping[str, Any]], bool] = lambda _: False,
    fit_batched: Callable[..., list[Predictions]] | None = None,
    multilabel: bool | Callable[[Mapping[str, Any]], bool] = False,
    added: Collection[str] = (),
) -> Callable[[Learner[P]], Learner[P]]:
    """Register `(task, rng, *, params) -> Predictions`.

    needs: names, in `rayal.requirements`, of what it reads beyond features and labels; a learner of
    images makes its own augmented copies. gives: of what its predictions hold besides
    probabilities. Either may be a function of the parameters.
    check: raises ValueError where parameters do not fit together, and FileNotFoundError where they
    name a file that is absent; called when a sweep is planned.
    notes, files: as an encoder's.
    uses_previous_predictions: from the parameters, whether it reads Task.previous_predictions.
    fit_batched: `(tasks, rngs, *, params) -> list of Predictions`, the same for several tasks
    on one embedding, faster.
    multilabel: whether it handles several classes an image: labels (N, C), of which it predicts
    each class's own probability; or a function of the parameters.
    added: as a strategy's.
    """

    def register(function: Learner[P]) -> Learner[P]:
        name = f"learner '{function.__name__}'"
        more = _requirements(gives, name)
        traits = LearnerTraits(
            needs=_requirements(needs, name),
            gives=lambda params: {"predictions", "labels"} | more(params),
            uses_previous_predictions=uses_previous_predictions,
            fit_batched=fit_batched,
            multilabel=multilabel if callable(multilabel) else lambda _: multilabel,
            check=check,
            notes=notes,
            files=files,
            added=frozenset(added),
        )
        return LEARNERS.register(traits)(function)

    return register


def dataset(
    *,
    published: Callable[..., tuple[int, int]] | None = None,
    class_counts: Callable[..., Sequence[int]] | None = None,
    multilabel: bool = False,
    added: Collection[str] = (),
) -> Callable[[DatasetLoader[P]], DatasetLoader[P]]:
    """Register `(*, params) -> Dataset`.

    Every dataset has one more parameter, `imbalance`: the pool's classes shrink exponentially or
    by a step, after a share was set aside as first labels (`kernels.imbalance.Imbalance`).

    published: from the same parameters, the published (N, C), for plans made where the files are
    absent; class_counts: the published images of each class, so that such a plan knows the size of
    an imbalanced pool. Without them it shows the size before the imbalance. multilabel: whether an
    image of the published data has several classes. added: as a strategy's.
    """
    size = None if published is None else modifiers.published_size(published, class_counts)

    def register(function: DatasetLoader[P]) -> DatasetLoader[P]:
        traits = DatasetTraits(published=size, multilabel=multilabel, added=frozenset(added))
        return DATASETS.register(traits)(modifiers.imbalance(function))

    return register


def _with_features(own: EncoderTraits) -> EncoderTraits:
    """Return what an encoder declares, with the parameter `features`."""

    def check(params: Mapping[str, Any], N: int) -> None:
        modifiers.check_features(params)
        own.check(params, N)

    def notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
        return [*own.notes(params, shape), *modifiers.features_note(params)]

    def gives(params: Mapping[str, Any]) -> set[str]:
        # What the network makes is no longer what features and their statistics are of.
        return own.gives(params) - ({"weights"} if params.get("features") else set())

    return replace(own, check=check, notes=notes, gives=gives, added=own.added | {"features"})


Part = TypeVar("Part")


def _given(part: Part | None, name: str) -> Part:
    if part is None:
        raise ValueError(f"the learner gives no '{name}', and the strategy reads it")
    return part


def _requirements(names: set[str] | Names | None, component: str) -> Names:
    """Names that are in the table of requirements, as a function of the parameters."""

    def known(params: Mapping[str, Any]) -> set[str]:
        named = names(params) if callable(names) else set(names or ())
        return requirements.known(named, component)

    return known


def _frozen(labels: Labels) -> Labels:
    """A copy that a component can neither change nor watch change."""
    copy = labels.copy()
    copy.flags.writeable = False
    return copy
