"""BAIT with the information of the multinomial likelihood (Ash et al. 2021), written plainly.

The information of an image is (diag p - p p') x h h', of rank C in C D dimensions: a reference for
few classes and features. `rayal.kernels.fisher_design` has the binary likelihood's, of rank one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.fisher_design import OVERSAMPLING, TIE, sufficient_ridge
from rayal.kernels.gemm_distances import chunks
from rayal.kernels.validation import check_budget

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating[Any]]

WIDEST = 1024  # C D: a pick takes O(N C (C D)^2)
HELD = 2**22  # numbers of X held at once


def greedy_multinomial_design(
    features: Numbers, probs: Numbers, labeled: Int64, budget: int, *, ridge: float = 1.0
) -> Int64:
    """Return positions as `fisher_design.greedy_design` does, each of information X'X.

    X (C, C D) has the rows sqrt(p_c) (e_c - p) x h. Rows whose p is sure have no information.

    Args:
        features: (N, D).
        probs: (N, C) class probabilities.
        labeled: (L,) positions that have a label.
        budget: B, at most N less the number labeled.
        ridge: above 0; raised as there, to a billionth of the largest tr(X'X).

    Returns:
        (B,) positions, or as many as have information.

    Raises:
        ValueError: where the budget is not between 1 and what is left, the ridge not above 0, or
            C D above 1024.
    """
    check_budget(budget, len(features) - len(labeled))
    width = probs.shape[1] * features.shape[1]
    if width > WIDEST:
        raise ValueError(
            f"the multinomial likelihood takes C D = {width} dimensions, more than {WIDEST}; "
            "use likelihood: binary, or fewer features"
        )
    rows = _Rows(np.asarray(features, np.float64), np.asarray(probs, np.float64))
    ridge = sufficient_ridge(ridge, rows.features, 1 - np.square(rows.probs).sum(axis=1))
    total = len(labeled) + budget
    everything = np.arange(len(features))
    fisher = rows.information(everything) / len(features)
    matrix = ridge * np.eye(width) + rows.information(labeled) / total
    candidates = np.setdiff1d(everything[1 - rows.probs.max(axis=1) > 0], labeled)
    weight = budget / total
    picks: list[int] = []
    for _ in range(min(OVERSAMPLING * budget, len(candidates))):
        falls = np.maximum(rows.changes(candidates, matrix, fisher, weight), 0)
        best = int(np.argmax(falls >= falls.max() * (1 - TIE)))
        picks.append(int(candidates[best]))
        candidates = np.delete(candidates, best)
        matrix += weight * rows.information(np.array(picks[-1:]))
    while len(picks) > budget:
        rises = np.maximum(-rows.changes(np.array(picks), matrix, fisher, -weight), 0)
        last = int(np.flatnonzero(rises <= rises.min() * (1 + TIE))[-1])
        matrix -= weight * rows.information(np.array([picks.pop(last)]))
    return np.array(picks, dtype=np.int64)


class _Rows:
    """Features (N, D) and probabilities (N, C), of which X is made when it is needed."""

    def __init__(self, features: Float64, probs: Float64) -> None:
        self.features, self.probs = features, probs

    def x(self, positions: Int64) -> Float64:
        """Return X (n, C, C D)."""
        p, h = self.probs[positions], self.features[positions]
        factors = np.sqrt(p)[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
        x = factors[:, :, :, None] * h[:, None, None, :]
        return x.reshape(len(p), p.shape[1], -1)

    def information(self, positions: Int64) -> Float64:
        """Return the sum (C D, C D) of X'X."""
        width = self.probs.shape[1] * self.features.shape[1]
        total = np.zeros((width, width))
        for block in self._blocks(positions):
            x = self.x(block).reshape(-1, width)
            total += x.T @ x
        return total

    def changes(self, positions: Int64, matrix: Float64, fisher: Float64, weight: float) -> Float64:
        """Return by how much adding weight X'X to M lowers tr(M^-1 F), (n,)."""
        inverse = np.linalg.inv(matrix)
        identity = np.eye(self.probs.shape[1])
        answers = [np.empty(0)]
        for block in self._blocks(positions):
            x = self.x(block)
            solved = x @ inverse
            inner = identity + weight * (solved @ x.transpose(0, 2, 1))
            gains = weight * (solved @ fisher @ solved.transpose(0, 2, 1))
            answers.append(np.trace(np.linalg.solve(inner, gains), axis1=1, axis2=2))
        return np.concatenate(answers)

    def _blocks(self, positions: Int64) -> list[Int64]:
        size = max(1, HELD // (self.probs.shape[1] ** 2 * self.features.shape[1]))
        return [positions[rows] for rows in chunks(len(positions), size)]
