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
    dropout: float = 0.0  # part of the inputs dropped in each step

    def rate(self, epoch: int) -> float:
        return float(self.lr * 0.1 ** sum(epoch >= m for m in self.milestones))


def initial_weights(dimensions: int, outputs: int, rng: np.random.Generator) -> Float32:
    """Return (O, D + 1) weights, the bias last, uniform within 1 / sqrt(D) as in torch's Linear."""
    bound = dimensions**-0.5
    return rng.uniform(-bound, bound, (outputs, dimensions + 1)).astype(np.float32)


def fit(
    inputs: Float32,
    labels: Int64,
    weights: Float32,
    schedule: Schedule,
    rng: np.random.Generator,
    last: Float32 | None = None,
) -> Float32:
    """Return the weights (O, D + 1) after minimising mean cross-entropy by Adam.

    Args:
        inputs: (L, D) features.
        labels: (L,) classes.
        weights: (O, D + 1) to start from; left as they are.
        schedule: epochs, batches, learning rates and dropout.
        rng: shuffles the batches of each epoch, where one does not hold all, and drops inputs.
        last: (C, O) a fixed layer after the weights; without it O is C.
    """
    weights = weights.copy()
    rows = np.hstack([inputs, np.ones((len(inputs), 1), dtype=np.float32)])
    num_classes = len(weights) if last is None else len(last)
    targets = np.eye(num_classes, dtype=np.float32)[:, labels]
    moments = np.zeros_like(weights), np.zeros_like(weights)
    step = 0
    for epoch in range(schedule.epochs):
        rate = schedule.rate(epoch)
        for batch in _batches(len(rows), schedule.batch_size, rng):
            step += 1
            seen = _dropped_rows(rows[batch], schedule.dropout, rng)
            gradient = _gradient(seen, targets[:, batch], weights, last)
            _adam_step(weights, gradient, moments, step, rate)
    return weights


def logits(inputs: Float32, weights: Float32) -> Float32:
    """Return the outputs (O, N) of features (N, D) under weights (O, D + 1)."""
    outputs = weights[:, :-1] @ inputs.T
    outputs += weights[:, -1:]
    return outputs


def probabilities(inputs: Float32, weights: Float32, last: Float32 | None = None) -> Float32:
    """Return (N, C) class probabilities of features (N, D) under weights (O, D + 1)."""
    outputs = logits(inputs, weights)
    return _softmax(outputs if last is None else last @ outputs).T


def dropped(inputs: Float32, part: float, rng: np.random.Generator) -> Float32:
    """Return inputs (n, D), this part of them 0 at random, the others scaled to make up for it."""
    kept = rng.random(inputs.shape, dtype=np.float32) >= part
    return np.multiply(inputs, kept / np.float32(1 - part), dtype=np.float32)


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


def _dropped_rows(rows: Float32, part: float, rng: np.random.Generator) -> Float32:
    """Drop inputs but never the ones that the bias stands on."""
    if part == 0:
        return rows
    return np.hstack([dropped(rows[:, :-1], part, rng), rows[:, -1:]])


def _gradient(rows: Float32, targets: Float32, weights: Float32, last: Float32 | None) -> Float32:
    """Return the gradient (O, D + 1) of the mean cross-entropy: last' (softmax - Y) X / L."""
    outputs = weights @ rows.T
    residual = _softmax(outputs if last is None else last @ outputs)
    residual -= targets
    residual /= len(rows)
    if last is not None:
        residual = last.T @ residual
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
