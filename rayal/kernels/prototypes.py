"""Class prototypes as far from one another as can be: the corners of a regular simplex.

Kasarla et al. 2022, "Maximum Class Separation as Inductive Bias in One Matrix"; MSAL, Eq. 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.ranking import first_of_each, pad_to_budget

Float64 = npt.NDArray[np.float64]


def simplex(num_classes: int) -> Float64:
    """Return C unit vectors (C, C - 1) whose cosines are all -1 / (C - 1).

    The recursion P_1 = (1, -1), P_k = [[1, -1/k ...], [0, sqrt(1 - 1/k^2) P_(k-1)]] worked out:
    row i of the result has its own entry in column i, and all rows below share one value there.

    Raises:
        ValueError: fewer than two classes.
    """
    if num_classes < 2:
        raise ValueError(f"prototypes need at least 2 classes, and there are {num_classes}")
    k = np.arange(num_classes - 1, 0, -1.0)  # the recursion's k in each column
    scale = np.concatenate([[1.0], np.cumprod(np.sqrt(1 - 1 / k[:-1] ** 2))])
    points: Float64 = np.tril(np.tile(-scale / k, (num_classes, 1)), -1)
    np.fill_diagonal(points, scale)
    return points


def cosines(outputs: npt.NDArray[np.floating[Any]]) -> Float64:
    """Return the cosine (n, C) of each output (n, C - 1) to each prototype; 0 for outputs of 0."""
    lengths = np.linalg.norm(outputs, axis=1, keepdims=True).astype(np.float64)
    products = outputs.astype(np.float64) @ simplex(outputs.shape[1] + 1).T
    cosine: Float64 = np.zeros_like(products)
    np.divide(products, lengths, out=cosine, where=lengths > 0)
    return cosine


def nearest_cosine(outputs: npt.NDArray[np.floating[Any]]) -> Float64:
    """Return the cosine (n,) of each output (n, C - 1) to the prototype nearest to it."""
    return np.asarray(cosines(outputs).max(axis=1), dtype=np.float64)


def nearest_to_each(
    outputs: npt.NDArray[np.floating[Any]], most_uncertain: npt.NDArray[np.int64], budget: int
) -> npt.NDArray[np.int64]:
    """Choose B / C of the candidates of each class, nearest to its prototype (MSAL, Algorithm 1).

    A candidate is of the class whose prototype is nearest to it. What B / C leaves over, and what
    classes with fewer candidates lack, goes to the most uncertain that are left.

    Args:
        outputs: (N, C - 1), before the prototypes.
        most_uncertain: (n,) candidates, positions in `outputs`, the most uncertain first.
        budget: B, at most n.
    """
    similar = cosines(outputs[most_uncertain])
    num_classes = similar.shape[1]
    nearest_first = np.argsort(-similar.max(axis=1), kind="stable")
    quotas = np.full(num_classes, budget // num_classes)
    picks = first_of_each(nearest_first, similar.argmax(axis=1), quotas)
    return most_uncertain[pad_to_budget(picks, np.arange(len(most_uncertain)), budget)]
