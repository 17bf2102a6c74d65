"""Logistic regression of each class for itself, for images that may have several classes.

    minimize over w (D,), b:   c * sum_i log-loss(sigmoid(w'z_i + b), y_i) + |w|^2 / 2

over the images of which the class is known, as scikit-learn's LogisticRegression(C=c) does for each
class in a OneVsRestClassifier.

A softmax over two classes whose weights u, v are penalized sums up to the same: at its optimum
u = -v = w / 2, so that its penalty is |w|^2 / 4, and c / 2 in place of c makes it half of the
objective above. The heads of all problems are solved together (`logistic_regression.fit_many`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.kernels import logistic_regression

Float64: TypeAlias = npt.NDArray[np.float64]
Array: TypeAlias = npt.NDArray[Any]
Int64: TypeAlias = npt.NDArray[np.int64]


class _Head(NamedTuple):
    """One class of one problem: its images (n, D), and whether each has the class (n,)."""

    problem: int
    of_class: int
    inputs: Array
    labels: Int64


def fit(inputs: Array, labels: Int64, c: float) -> Float64:
    """Return the weights (C, D + 1) of one problem; see `fit_many`."""
    return fit_many([inputs], [labels], c)[0]


def fit_many(inputs: Sequence[Array], labels: Sequence[Int64], c: float) -> list[Float64]:
    """Fit the heads of all classes of several problems.

    Args:
        inputs: (n, D) features of each problem.
        labels: (n, C) of each problem: 1, 0, negative where unknown.
        c: weight of the losses against the penalty; the smaller, the stronger the penalty.

    Returns:
        For each problem weights (C, D + 1), the intercept last. A class of which no image is known
        to have it has weights 0 and an intercept of minus infinity, that is probability 0; one that
        all known images have, plus infinity. It is where the intercept goes without end.

    Raises:
        ArithmeticError: an optimum was not reached.
    """
    weights = [_constants(own, z.shape[1]) for z, own in zip(inputs, labels, strict=True)]
    heads = list(_heads(inputs, labels))
    solved = logistic_regression.fit_many(
        [head.inputs for head in heads], [head.labels for head in heads], 2, c / 2
    )
    for head, (negative, positive) in zip(heads, solved, strict=True):
        weights[head.problem][head.of_class] = positive - negative
    return weights


def _constants(labels: Int64, dimensions: int) -> Float64:
    """Return weights (C, D + 1) that are right where a class has one kind of label alone."""
    weights = np.zeros((labels.shape[1], dimensions + 1))
    weights[:, -1] = np.where((labels == 1).any(axis=0), np.inf, -np.inf)
    return weights


def _heads(inputs: Sequence[Array], labels: Sequence[Int64]) -> Iterator[_Head]:
    """Yield the classes with both kinds of labels; those known of the same images share inputs."""
    for problem, (z, own) in enumerate(zip(inputs, labels, strict=True)):
        shared: dict[bytes, Array] = {}
        for of_class in range(own.shape[1]):
            known = own[:, of_class] >= 0
            column = own[known, of_class]
            if len(np.unique(column)) == 2:
                rows = shared.setdefault(known.tobytes(), z if known.all() else z[known])
                yield _Head(problem, of_class, rows, column)
