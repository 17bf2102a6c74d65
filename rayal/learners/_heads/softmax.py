"""What a linear head (O, D + 1), its bias last, makes of features (N, D): softmax or sigmoids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Float32 = npt.NDArray[np.float32]


def initial_weights(dimensions: int, outputs: int, rng: np.random.Generator) -> Float32:
    """Return (O, D + 1) weights, the bias last, uniform within 1 / sqrt(D) as in torch's Linear."""
    bound = dimensions**-0.5
    return rng.uniform(-bound, bound, (outputs, dimensions + 1)).astype(np.float32)


def logits(inputs: Float32, weights: Float32) -> Float32:
    """Return the outputs (O, N) of features (N, D) under weights (O, D + 1)."""
    outputs = weights[:, :-1] @ inputs.T
    outputs += weights[:, -1:]
    return outputs


def probabilities(inputs: Float32, weights: Float32, last: Float32 | None = None) -> Float32:
    """Return (N, C) class probabilities of features (N, D) under weights (O, D + 1)."""
    outputs = logits(inputs, weights)
    return softmax(outputs if last is None else last @ outputs).T


def binary_probabilities(inputs: Float32, weights: Float32) -> Float32:
    """Return (N, C), the probability of each class for itself: a sigmoid of its output."""
    return np.asarray(expit(logits(inputs, weights)).T, dtype=np.float32)


def dropout(inputs: Float32, rate: float, rng: np.random.Generator) -> Float32:
    """Return inputs (n, D), this fraction of them 0 at random, the others scaled up by it."""
    kept = rng.random(inputs.shape, dtype=np.float32) >= rate
    return np.multiply(inputs, kept / np.float32(1 - rate), dtype=np.float32)


def softmax(logits: Float32) -> Float32:
    """Turn logits (C, L) into probabilities, in place.

    Classes come first: sums over a short last axis are NumPy's slowest.
    """
    logits -= np.maximum.reduce(logits, axis=0)
    np.exp(logits, out=logits)
    logits /= _sum_over_classes(logits)
    return logits


def _sum_over_classes(numbers: Float32) -> Float32:
    """Sum (C, L) over C in order, so that a column's sum is the same whatever stands beside it."""
    if numbers.shape[1] == 1:  # of one column alone NumPy adds up pairs
        sums: Float32 = np.add.accumulate(numbers, axis=0)[-1]
    else:
        sums = np.add.reduce(numbers, axis=0)
    return sums
