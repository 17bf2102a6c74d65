"""A linear head on frozen features (low-budget paper, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveFloat, PositiveInt

from rayal.contracts import Features, Predictions, Probs, Task, learner
from rayal.kernels.clustering import unit_rows
from rayal.learners.softmax_regression import Schedule, fit, initial_weights, probabilities

ROWS = 1024  # worked on at once: features may be a memory map larger than memory

Scale: TypeAlias = Callable[[Features], Features]
Statistic: TypeAlias = npt.NDArray[np.float64]


@learner()
def linear(  # noqa: PLR0913  the paper's recipe has this many settings
    task: Task,
    rng: np.random.Generator,
    *,
    epochs: PositiveInt = 100,
    batch_size: PositiveInt = 128,
    lr: PositiveFloat = 0.01,
    milestones: tuple[Annotated[int, Field(ge=0)], ...] = (50, 75),
    scaling: Literal["standardize", "l2"] = "standardize",
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
    """
    _check_labelled(task)
    scale = unit_rows if scaling == "l2" else _standardizer(task.train)
    inputs = scale(task.train[task.labelled])
    start = initial_weights(task.train.shape[1], task.num_classes, rng)
    schedule = Schedule(epochs, batch_size, lr, milestones)
    weights = fit(inputs, task.labels[task.labelled], start, schedule, rng)
    return Predictions(
        test=_predict(task.test, scale, weights),
        predict_pool=lambda: _predict(task.train, scale, weights),
    )


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


def _predict(features: Features, scale: Scale, weights: Features) -> Probs:
    probs = np.empty((len(features), len(weights)), dtype=np.float32)
    for rows in _chunks(len(features)):
        probs[rows] = probabilities(scale(features[rows]), weights)
    return probs


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + ROWS) for start in range(0, count, ROWS))
