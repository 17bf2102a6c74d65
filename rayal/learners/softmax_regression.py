"""Softmax regression by Adam, with the gradient in closed form.

A linear head on frozen features is trained hundreds of times in a sweep, mostly on some ten
images: there a step of torch.optim.Adam under autograd costs ten times its arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's published constants


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: the rate is multiplied by .1 at the start of each milestone epoch."""

    epochs: int
    batch_size: int
    lr: float
    milestones: tuple[int, ...]

    def rate(self, epoch: int) -> float:
        return float(self.lr * 0.1 ** sum(epoch >= m for m in self.milestones))


def initial_weights(dimensions: int, num_classes: int, rng: np.random.Generator) -> Float32:
    """Return (C, D + 1) weights, the bias last, uniform within 1 / sqrt(D) as in torch's Linear."""
    bound = dimensions**-0.5
    return rng.uniform(-bound, bound, (num_classes, dimensions + 1)).astype(np.float32)


def fit(
    inputs: Float32, labels: Int64, weights: Float32, schedule: Schedule, rng: np.random.Generator
) -> Float32:
    """Return the weights (C, D + 1) after minimising mean cross-entropy by Adam.

    Args:
        inputs: (L, D) features.
        labels: (L,) classes.
        weights: (C, D + 1) to start from; left as they are.
        schedule: epochs, batches and learning rates.
        rng: shuffles the batches of each epoch; unused where one batch holds all.
    """
    weights = weights.copy()
    rows = np.hstack([inputs, np.ones((len(inputs), 1), dtype=np.float32)])
    targets = np.eye(len(weights), dtype=np.float32)[:, labels]
    moments = np.zeros_like(weights), np.zeros_like(weights)
    step = 0
    for epoch in range(schedule.epochs):
        rate = schedule.rate(epoch)
        for batch in _batches(len(labels), schedule.batch_size, rng):
            step += 1
            gradient = _gradient(rows[batch], targets[:, batch], weights)
            _adam_step(weights, gradient, moments, step, rate)
    return weights


def probabilities(inputs: Float32, weights: Float32) -> Float32:
    """Return (N, C) class probabilities of features (N, D) under weights (C, D + 1)."""
    logits = weights[:, :-1] @ inputs.T
    logits += weights[:, -1:]
    return _softmax(logits).T


def _softmax(logits: Float32) -> Float32:
    """Turn logits (C, L) into probabilities, in place.

    Classes come first: sums over a short last axis are NumPy's slowest.
    """
    logits -= np.maximum.reduce(logits, axis=0)
    np.exp(logits, out=logits)
    logits /= np.add.reduce(logits, axis=0)
    return logits


def _batches(count: int, size: int, rng: np.random.Generator) -> Iterator[slice | Int64]:
    if count <= size:
        yield slice(None)  # a view: no copy, and the order inside a batch changes nothing
        return
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def _gradient(rows: Float32, targets: Float32, weights: Float32) -> Float32:
    """Return the gradient (C, D + 1) of the mean cross-entropy: (softmax(W X') - Y) X / L."""
    residual = _softmax(weights @ rows.T)
    residual -= targets
    residual /= len(rows)
    return residual @ rows


def _adam_step(
    weights: Float32,
    gradient: Float32,
    moments: tuple[Float32, Float32],
    step: int,
    rate: float,
) -> None:
    """Move the weights and both moments, all in place; `gradient` is used up.

    The moments lack Adam's factors (1 - BETA1) and (1 - BETA2): these and the corrections of the
    bias are numbers, and multiplying numbers in place of arrays saves a third of the passes.
    """
    first, second = moments
    first *= BETA1
    first += gradient
    gradient *= gradient
    second *= BETA2
    second += gradient
    root_scale = math.sqrt((1 - BETA2) / (1 - BETA2**step))
    np.sqrt(second, out=gradient)
    gradient += EPSILON / root_scale
    np.divide(first, gradient, out=gradient)
    gradient *= rate * (1 - BETA1) / (1 - BETA1**step) / root_scale
    weights -= gradient
