"""Multinomial logistic regression with an L2 penalty, solved to convergence, many problems at once.

    minimize over W (C, D), b (C,):   c * sum_i log-loss(softmax(W z_i + b), y_i) + ||W||^2 / 2

as scikit-learn's LogisticRegression(C=c) does; the intercept is not penalized.

At the optimum W = A'Z, with A = c (Y - P) the coefficients of the images (representer theorem), so
that outputs are K A + 1 b' with the Gram matrix K = ZZ', in whose space Newton's method takes a
few products by K (`rayal.kernels.softmax_newton`). With many more images than dimensions K is
applied as Z (Z' x).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.kernels import softmax_newton
from rayal.kernels.gram_products import Gram

Float64: TypeAlias = npt.NDArray[np.float64]
Array: TypeAlias = npt.NDArray[Any]
Int64: TypeAlias = npt.NDArray[np.int64]

SINGLE = 1e6  # bound of the system's condition up to which conjugate gradients run in float32
BLOCK_BYTES = 1 << 24  # of the matrices of problems that are solved together


def fit(inputs: Array, labels: Int64, num_classes: int, c: float) -> Float64:
    """Solve one problem; see `fit_many`.

    Args:
        inputs: (n, D) features.
        labels: (n,) classes from 0.
        num_classes: C.
        c: weight of the losses against the penalty; the smaller, the stronger the penalty.

    Returns:
        Weights (C, D + 1), the intercept last.
    """
    return fit_many([inputs], [labels], num_classes, c)[0]


def fit_many(
    inputs: Sequence[Array], labels: Sequence[Int64], num_classes: int, c: float
) -> list[Float64]:
    """Solve problems of any sizes; those of the same sizes are solved in step.

    Args:
        inputs: (n, D) features of each problem.
        labels: (n,) classes of each problem, from 0.
        num_classes: C.
        c: weight of the losses against the penalty.

    Returns:
        For each problem weights (C, D + 1), the intercept last. Over the classes that have a label
        they sum to 0; a class without one has weights 0 and an intercept of minus infinity, that
        is probability 0, which is where its intercept goes without end.

    Raises:
        ArithmeticError: an optimum was not reached.
    """
    seen = [np.unique(own) for own in labels]
    solved: dict[int, Float64] = {}
    for block in _blocks(inputs, seen, c):
        onehot = np.stack([labels[i] == seen[i][:, None] for i in block]).astype(np.float64)
        for i, weights in zip(block, _solve([inputs[i] for i in block], onehot, c), strict=True):
            solved[i] = _of_all_classes(weights, seen[i], num_classes)
    return [solved[number] for number in range(len(inputs))]


def objective(inputs: Array, labels: Int64, weights: Float64, c: float) -> float:
    """Return what is minimized, at weights (C, D + 1) that are finite where a label is."""
    outputs = inputs @ weights[:, :-1].T + weights[:, -1]
    losses = np.logaddexp.reduce(outputs, axis=1) - outputs[np.arange(len(labels)), labels]
    return float(c * losses.sum() + 0.5 * np.square(weights[:, :-1]).sum())


def _blocks(inputs: Sequence[Array], seen: Sequence[Int64], c: float) -> Iterator[list[int]]:
    """Yield which problems are solved together: equal in their sizes, and few enough for memory."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, (own, classes) in enumerate(zip(inputs, seen, strict=True)):
        groups.setdefault((*own.shape, len(classes), _fits_single(own, c)), []).append(number)
    for members in groups.values():
        n, D = inputs[members[0]].shape
        size = max(1, BLOCK_BYTES // (8 * n * (n + D)))
        yield from (members[at : at + size] for at in range(0, len(members), size))


def _fits_single(inputs: Array, c: float) -> bool:
    """Whether conjugate gradients may run in float32: c tr(ZZ') bounds their condition."""
    return bool(c * float(np.vdot(inputs, inputs)) < SINGLE)


def _of_all_classes(weights: Float64, seen: Int64, num_classes: int) -> Float64:
    """Put weights (k, D + 1) of the classes seen among those of all."""
    full = np.zeros((num_classes, weights.shape[1]))
    full[:, -1] = -np.inf
    full[seen] = weights
    return full


def _solve(inputs: Sequence[Array], onehot: Float64, c: float) -> Float64:
    """Return weights (S, k, D + 1) of S problems with inputs (n, D) and labels (S, k, n).

    Inputs that are one array are multiplied once.
    """
    different = {id(own): own for own in inputs}
    means = {key: own.mean(axis=0, dtype=np.float64) for key, own in different.items()}
    gram = Gram.of(own - means[key] for key, own in different.items())
    if len(different) < len(inputs):
        place = {key: number for number, key in enumerate(different)}
        gram = gram.only(np.array([place[id(own)] for own in inputs]))
    rough = gram.in_precision(np.float32) if _fits_single(inputs[0], c) else gram
    problems = softmax_newton.Problems(gram, rough, gram.trace(), onehot, c)
    return np.stack([
        _weights(A, b, own, means[id(own)])
        for A, b, own in zip(*softmax_newton.solve(problems), inputs, strict=True)
    ])  # fmt: skip


def _weights(A: Float64, b: Float64, inputs: Array, mean: Float64) -> Float64:
    """Return (k, D + 1), the intercept last, of coefficients (k, n) and intercepts (k, 1)."""
    weights = A @ (inputs - mean)  # centered: that K's largest eigenvalue is out of the way
    return np.column_stack([weights, b[:, 0] - weights @ mean])
