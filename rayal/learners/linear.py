"""A linear head on frozen features (low-budget paper, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveFloat, PositiveInt

from rayal.contracts import UNLABELED, Features, Predictions, Probs, Task, learner
from rayal.kernels.clustering import unit_rows
from rayal.kernels.prototypes import simplex
from rayal.learners.pseudo_labels import with_confident
from rayal.learners.softmax_regression import (
    Schedule,
    dropped,
    fit,
    initial_weights,
    logits,
    probabilities,
)

ROWS = 1024  # worked on at once: features may be a memory map larger than memory

Scale: TypeAlias = Callable[[Features], Features]
Statistic: TypeAlias = npt.NDArray[np.float64]


def _gives(params: Mapping[str, Any]) -> set[str]:
    dropout = {"dropout"} if params["dropout"] else set()
    return {"hidden", "views"} | dropout | ({"prototypes"} if params["prototypes"] else set())


@learner(gives=_gives, recalls=lambda params: params["pseudo_labels"] is not None)
def linear(  # noqa: PLR0913  the papers' recipes have this many settings
    task: Task,
    rng: np.random.Generator,
    *,
    epochs: PositiveInt = 100,
    batch_size: PositiveInt = 128,
    lr: PositiveFloat = 0.01,
    milestones: tuple[Annotated[int, Field(ge=0)], ...] = (50, 75),
    scaling: Literal["standardize", "l2"] = "standardize",
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    prototypes: bool = False,
    radius: PositiveFloat = 1.0,
    pseudo_labels: Literal["ceal"] | None = None,
    pseudo_threshold: PositiveFloat = 5e-5,
    pseudo_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3.3e-7,
) -> Predictions:
    """Train softmax regression by Adam on the labelled images.

    The head is C wide whatever classes have a label. Initial weights depend on `rng`, D and C
    alone, so that strategies compared at the same seed start alike.

    Args:
        task: at least one label.
        rng: draws the initial weights and shuffles the batches.
        epochs: E.
        batch_size: images in a step; 4 on CIFAR in the paper.
        lr: learning rate, multiplied by .1 at each milestone.
        milestones: epochs, counted from 0.
        scaling: features by mean and standard deviation over the pool (the paper's text), or to
            unit length (its code).
        dropout: part of the features dropped in training and in Monte-Carlo passes (MC dropout,
            Gal and Ghahramani 2016); 0 leaves both out.
        prototypes: a head of C - 1 outputs whose class probabilities are those of fixed, maximally
            separated prototypes (MSAL, section 3.1).
        radius: length of the prototypes, the factor before the logits (.1 on MNIST there).
        pseudo_labels: ceal has the images that the round before was sure of join the training with
            their predicted class (Wang et al. 2017).
        pseudo_threshold: entropy, in nats, below which a prediction is sure.
        pseudo_decay: what the threshold falls by each round, to 0 at the least.
    """
    _check_labelled(task)
    labels = task.labels
    if pseudo_labels and task.earlier is not None:
        threshold = max(pseudo_threshold - pseudo_decay * task.round, 0.0)
        labels = with_confident(labels, task.earlier.pool, threshold)
    scale = unit_rows if scaling == "l2" else _standardizer(task.train)
    training = np.flatnonzero(labels != UNLABELED)
    last = radius * simplex(task.num_classes).astype(np.float32) if prototypes else None
    outputs = task.num_classes - 1 if prototypes else task.num_classes
    start = initial_weights(task.train.shape[1], outputs, rng)
    schedule = Schedule(epochs, batch_size, lr, milestones, dropout)
    weights = fit(scale(task.train[training]), labels[training], start, schedule, rng, last)
    return Head(scale, weights, last, dropout).predictions(task)


@dataclass(frozen=True)
class Head:
    """Trained weights (O, D + 1), and how features come to them and probabilities from them."""

    scale: Scale
    weights: Features
    last: Features | None  # (C, O), of a head with prototypes
    dropout: float

    def predictions(self, task: Task) -> Predictions:
        views = task.views
        return Predictions(
            test=self.probs(task.test),
            predict_pool=lambda: self.probs(task.train),
            predict_dropout=(lambda T, rng: self.passes(task.train, T, rng))
            if self.dropout
            else None,
            predict_views=None if views is None else lambda: map(self.probs, views),
            hide=lambda: self.scale(np.asarray(task.train)),
            project=(lambda: self.outputs(task.train)) if self.last is not None else None,
        )

    def probs(self, features: Features) -> Probs:
        """Class probabilities (N, C)."""
        return self._in_chunks(features, lambda x: probabilities(x, self.weights, self.last))

    def outputs(self, features: Features) -> Features:
        """What stands before the prototypes, (N, O)."""
        return self._in_chunks(features, lambda x: logits(x, self.weights).T)

    def passes(self, features: Features, T: int, rng: np.random.Generator) -> Iterator[Probs]:
        """Class probabilities (N, C) of T passes with features dropped at random."""
        for _ in range(T):
            yield self._in_chunks(
                features,
                lambda x: probabilities(dropped(x, self.dropout, rng), self.weights, self.last),
            )

    def _in_chunks(self, features: Features, answer: Callable[[Features], Features]) -> Features:
        found = [answer(self.scale(features[rows])) for rows in _chunks(len(features))]
        return np.concatenate(found)


def _check_labelled(task: Task) -> None:
    if len(task.labelled) == 0:
        raise ValueError(
            f"linear needs at least one label to train on, and none of {len(task.labels)} is given"
        )


def _standardizer(pool: Features) -> Scale:
    """Return x -> (x - mean) / std with the pool's statistics; constant features become 0."""
    mean, deviation = _mean_and_deviation(pool)
    factor = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    shift, factor = mean.astype(np.float32), factor.astype(np.float32)
    return lambda features: (features - shift) * factor


def _mean_and_deviation(pool: Features) -> tuple[Statistic, Statistic]:
    """Return means and standard deviations (D,), both float64, in one pass over (N, D)."""
    first = pool[0].astype(np.float64)  # subtracted, so that a constant feature deviates by 0
    sums, squares = np.zeros_like(first), np.zeros_like(first)
    for rows in _chunks(len(pool)):
        shifted = pool[rows] - first
        sums += shifted.sum(axis=0)
        squares += np.einsum("nd,nd->d", shifted, shifted)
    mean = sums / len(pool)
    return first + mean, np.sqrt(np.maximum(squares / len(pool) - mean**2, 0))


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + ROWS) for start in range(0, count, ROWS))
