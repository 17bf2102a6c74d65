"""What a linear last layer predicts when what it sees changes.

Weights (C, H + 1) have the bias last, minus infinity for a class that is never predicted (plus for
one that always is, where each is decided for itself). All is float64, in blocks of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.gemm_distances import chunks

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.floating[Any]]

ROWS = 4096  # worked on at once
MIXING = 0.2  # times 1 / sqrt(H): how much of an anchor is mixed in (Parvaneh et al. 2022)


def predicted_classes(hidden: Numbers, weights: Numbers) -> Int64:
    """Return the most probable class (n,) of rows (n, H); ties go to the first class."""
    classes = np.empty(len(hidden), dtype=np.int64)
    for rows in chunks(len(hidden), ROWS):
        classes[rows] = _logits(hidden[rows], weights).argmax(axis=1)
    return classes


def dropout_changes(
    hidden: Numbers, weights: Numbers, passes: int, rate: float, rng: np.random.Generator
) -> Int64:
    """Return how many of T passes with dropout predict another class than without, (n,).

    Args:
        hidden: (n, H).
        weights: (C, H + 1).
        passes: T.
        rate: fraction of the inputs that is dropped, the others scaled up.
        rng: draws the inputs that are dropped.
    """
    changes = np.zeros(len(hidden), dtype=np.int64)
    plain = predicted_classes(hidden, weights)
    for rows, logits in _with_dropout(hidden, weights, passes, rate, rng):
        changes[rows] += logits.argmax(axis=1) != plain[rows]
    return changes


def dropout_flips(
    hidden: Numbers, weights: Numbers, passes: int, rate: float, rng: np.random.Generator
) -> Int64:
    """Return how many of T passes with dropout decide another way on each class, (n, C).

    Each class is decided for itself: its image has it where the output is at least 0. Arguments
    are those of `dropout_changes`.
    """
    flips = np.zeros((len(hidden), len(weights)), dtype=np.int64)
    plain = np.empty(flips.shape, dtype=bool)
    for rows in chunks(len(hidden), ROWS):
        plain[rows] = _logits(hidden[rows], weights) >= 0
    for rows, logits in _with_dropout(hidden, weights, passes, rate, rng):
        flips[rows] += (logits >= 0) != plain[rows]
    return flips


def _with_dropout(
    hidden: Numbers, weights: Numbers, passes: int, rate: float, rng: np.random.Generator
) -> Iterator[tuple[slice, Numbers]]:
    """Yield blocks of rows and their logits (n, C) in each of T passes with inputs dropped."""
    for _ in range(passes):
        for rows in chunks(len(hidden), ROWS):
            kept = rng.random(hidden[rows].shape, dtype=np.float32) >= rate
            yield rows, _logits(hidden[rows] * (kept / (1 - rate)), weights)


def mixing_changes(hidden: Numbers, weights: Numbers, anchors: Numbers) -> Bools:
    """Return which rows (n,) are of another class after some anchor is mixed in (ALFA-Mix).

    The part of an anchor z* that is mixed into z, in each dimension, is eps |z* - z| g / |g| /
    (z* - z), g being the gradient of the loss at the predicted class and eps = .2 / sqrt(H). So z
    moves by eps |z* - z| along g, whose direction is the same for all anchors; logits change
    linearly on that way, and a class that is overtaken stays so. The farthest anchor alone decides:
    O(n (C^2 + A H)) for A anchors.

    Args:
        hidden: (n, H).
        weights: (C, H + 1).
        anchors: (A, H), at least one.
    """
    changed = np.empty(len(hidden), dtype=bool)
    directions = np.asarray(weights[:, :-1], dtype=np.float64)
    products = directions @ directions.T
    eps = MIXING / np.sqrt(hidden.shape[1])
    for rows in chunks(len(hidden), ROWS):
        logits = _logits(hidden[rows], weights)
        gradients = _unit_gradients(logits)
        slopes = gradients @ products
        squares = np.einsum("nc,nc->n", slopes, gradients)  # |g|^2
        step = eps * _farthest(hidden[rows], anchors)
        step = np.divide(step, np.sqrt(np.maximum(squares, 0)), out=step, where=squares > 0)
        moved = np.where(squares > 0, step, 0)[:, None] * slopes + logits
        changed[rows] = moved.argmax(axis=1) != logits.argmax(axis=1)
    return changed


def _logits(hidden: Numbers, weights: Numbers) -> Float64:
    exact = np.asarray(weights, dtype=np.float64)
    return np.asarray(hidden.astype(np.float64) @ exact[:, :-1].T + exact[:, -1])


def _unit_gradients(logits: Float64) -> Float64:
    """Return p - one-hot(predicted class), divided by 1 - its probability, (n, C).

    So the direction is known however sure a prediction is: -1 for the predicted class, and the
    softmax of the others. Where no other class is possible all is 0.
    """
    rows, top = np.arange(len(logits)), logits.argmax(axis=1)
    others = logits.copy()
    others[rows, top] = -np.inf
    highest = others.max(axis=1, keepdims=True)
    possible = np.isfinite(highest)
    shares = np.exp(others - np.where(possible, highest, 0))
    shares /= np.where(possible, shares.sum(axis=1, keepdims=True), 1)
    shares[rows, top] = -possible[:, 0].astype(np.float64)
    return np.asarray(shares)


def _farthest(points: Numbers, anchors: Numbers) -> Float64:
    """Return the distance (n,) of points (n, H) to the farthest anchor."""
    exact = points.astype(np.float64)
    farthest = np.zeros(len(points))
    for anchor in np.asarray(anchors, dtype=np.float64):
        difference = exact - anchor
        np.maximum(farthest, np.einsum("nh,nh->n", difference, difference), out=farthest)
    return np.sqrt(farthest)
