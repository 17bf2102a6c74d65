"""The class-balanced program: its objective, its Lagrangian dual, and a bound that is proven.

min over z in {0, 1}^N, sum z = b, of  costs'z + weight * ||target - P'z||_1   (CBAL, Eq. 8-9).

The norm is the largest y'(target - P'z) over |y_c| <= weight. Every such y therefore gives a lower
bound, y'target plus the sum of the b smallest of costs - P y, and the best y gives the value of the
linear relaxation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.validation import check_finite

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Floating = npt.NDArray[np.floating[Any]]

ENTRIES = 2**18  # of P turned into float64 at once
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Problem:
    """costs (N,), probs (N, C) of any float type, target (C,), budget b and weight."""

    costs: Float64
    probs: Floating
    target: Float64
    budget: int
    weight: float

    def classes_of(self, indices: Int64) -> Float64:
        """Return P'z (C,), the expected images of each class among the indices."""
        return np.asarray(self.probs[indices].astype(np.float64).sum(axis=0))

    def objective(self, indices: Int64) -> float:
        """Return the objective of distinct indices (b,), in float64."""
        missing = np.abs(self.target - self.classes_of(indices))
        return math.fsum(self.costs[indices]) + self.weight * math.fsum(missing)

    def values(self, y: Float64) -> Float64:
        """Return costs - P y, (N,): what each image costs once its classes are paid for."""
        values = self.costs.copy()
        for rows, probs in self._blocks():
            values[rows] -= probs @ y
        return values

    def bound(self, y: Float64, values: Float64) -> float:
        """Return a lower bound on every objective, true in spite of rounding.

        Args:
            y: (C,), within the box |y_c| <= weight.
            values: what `values` makes of y.
        """
        lowest = np.partition(values, self.budget - 1)[: self.budget]
        return math.fsum([*lowest, *(y * self.target)]) - self.rounding

    def sample(self, rows: Int64) -> Problem:
        """Return the problem of some rows (n,), with budget and target in proportion."""
        part = len(rows) / len(self.costs)
        return replace(
            self,
            costs=self.costs[rows],
            probs=self.probs[rows],
            target=self.target * part,
            budget=max(1, round(self.budget * part)),
        )

    @cached_property
    def rounding(self) -> float:
        """Bounds the rounding errors of a bound or an objective, several times over.

        A value is a sum of C + 1 products and each of its roundings is within EPSILON of the sum
        of their sizes; b of them and C terms of the target are then added.
        """
        row = float(np.abs(self.costs).max()) + self.weight * self._largest_row
        targets = self.weight * float(np.abs(self.target).sum())
        return 4 * EPSILON * (len(self.target) + 4) * (self.budget * row + targets)

    @cached_property
    def _largest_row(self) -> float:
        return max(float(probs.sum(axis=1).max()) for _, probs in self._blocks())

    def _blocks(self) -> Iterator[tuple[slice, Float64]]:
        N, C = self.probs.shape
        step = max(1, ENTRIES // C)
        for start in range(0, N, step):
            rows = slice(start, start + step)
            yield rows, self.probs[rows].astype(np.float64)


def checked_problem(
    costs: Floating, probs: Floating, target: Floating, budget: int, weight: float
) -> Problem:
    """Return the problem of these arrays, costs and target in float64.

    Args:
        costs: (N,).
        probs: (N, C), none negative; kept in their float type.
        target: (C,).
        budget: from 1 to N.
        weight: at least 0.

    Raises:
        ValueError: shapes that do not fit, NaN or infinity, a value outside its bounds.
    """
    costs64 = np.asarray(costs, dtype=np.float64)
    target64 = np.asarray(target, dtype=np.float64)
    probs = np.asarray(probs)
    probs = probs if probs.dtype.kind == "f" else probs.astype(np.float64)
    _check_shapes(costs64, probs, target64)
    for values, name in ((costs64, "costs"), (probs, "probs"), (target64, "target")):
        check_finite(values, name)
    if probs.min() < 0:
        raise ValueError(f"probs must not be negative, but the lowest is {probs.min():g}")
    if not 1 <= budget <= len(costs64):
        raise ValueError(f"budget must be from 1 to N={len(costs64)}, but is {budget}")
    if not (np.isfinite(weight) and weight >= 0):
        raise ValueError(f"weight must be finite and at least 0, but is {weight}")
    return Problem(costs64, probs, target64, int(budget), float(weight))


def _check_shapes(costs: Floating, probs: Floating, target: Floating) -> None:
    wanted = (*costs.shape, *target.shape)
    if costs.ndim != 1 or target.ndim != 1 or probs.shape != wanted or 0 in wanted:
        raise ValueError(
            f"costs (N,), probs (N, C) and target (C,) must fit and hold something, but their "
            f"shapes are {costs.shape}, {probs.shape} and {target.shape}"
        )


def l1_loss(probs: Floating, target: Floating, indices: Int64) -> float:
    """Return ||target - P'z||_1 of a selection: expected images missing or superfluous.

    Args:
        probs: (N, C).
        target: (C,).
        indices: (b,) positions chosen.
    """
    counts = probs[indices].astype(np.float64).sum(axis=0)
    return float(np.abs(np.asarray(target, dtype=np.float64) - counts).sum())
