"""Greedy k-center: ask for the point farthest from all that is labeled (Gonzalez 1985).

Its class-balanced form is Algorithm 2 of "Class Balanced Active Learning" (Bengar et al. 2022).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.cuda import TorchCover, worthwhile_device
from rayal.kernels.row_blocks import RowBlocks
from rayal.kernels.validation import as_points, check_budget

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating[Any]]

TAKEN = -1.0  # below every squared distance


class Cover(Protocol):
    """Squared distances of N points to the nearest center, kept while centers are added."""

    def farthest(self) -> int: ...
    def add(self, center: int) -> int: ...


def greedy_k_center(
    features: Numbers,
    labeled: Int64,
    budget: int,
    rng: np.random.Generator,
    *,
    device: str | None = None,
) -> Int64:
    """Return `budget` positions, each the one farthest from the labeled and those before it.

    With all centers chosen this way the largest Euclidean distance to a center is at most twice
    the smallest possible. Ties go to the lowest position. Where nothing is labeled the first
    center is drawn by `rng`. Needs O(N) memory beyond the features, and one pass over them a
    center. The answer does not depend on the number of threads.

    Args:
        features: (N, D).
        labeled: positions that are centers already.
        budget: at most N less the number labeled.
        rng: used for the first center only.
        device: a torch device; by default a CUDA device where there is one with room and the
            matrix is large, else none. torch sums in its own order: picks that differ from those
            without it have distances that are equal up to rounding.

    Raises:
        ValueError: where the budget is not between 1 and what is left.
    """
    check_budget(budget, len(features) - len(labeled))
    points = as_points(features)
    uncovered = _uncovered_at_first(points, labeled, rng)
    device = device or worthwhile_device(*points.shape)
    if device is not None:
        return _farthest_first(TorchCover(points, uncovered, device, TAKEN), budget)
    with RowBlocks(*points.shape) as blocks:
        return _farthest_first(_BlockCover(points, uncovered, blocks), budget)


def balanced_k_center(  # noqa: PLR0913  those of greedy_k_center and the three of the L1 term
    features: Numbers,
    labeled: Int64,
    budget: int,
    rng: np.random.Generator,
    *,
    probs: Numbers,
    target: Numbers,
    weight: float,
) -> Int64:
    """Return `budget` positions, far from the centers and of the classes that are wanted.

    Each pick minimizes -d + weight * ||target - sum of the probs of the picks before - its own||_1
    where d is the (not squared) distance to the nearest center. Ties go to the lowest position;
    a weight of 0 gives greedy_k_center. Where nothing is labeled the first is drawn by `rng`.
    O(N (D + C)) a pick.

    Args:
        features: (N, D).
        labeled: positions that are centers already.
        budget: at most N less the number labeled.
        rng: used for the first center only.
        probs: (N, C) class probabilities.
        target: (C,) how many images of each class are wanted.
        weight: of the L1 term, at least 0. The released code has lambda / C.

    Raises:
        ValueError: where the budget is not between 1 and what is left, or weight is negative.
    """
    check_budget(budget, len(features) - len(labeled))
    if weight < 0:
        raise ValueError(f"weight of the class balance is {weight:g}; it must be at least 0")
    points = as_points(features)
    uncovered = _uncovered_at_first(points, labeled, rng)
    missing = np.array(target, dtype=np.float64)
    picks = [int(np.argmax(uncovered))] if len(labeled) == 0 else []
    with RowBlocks(len(points), points.shape[1] + len(missing)) as blocks:
        cover = _BlockCover(points, uncovered, blocks)
        for pick in picks:
            cover.add(pick)
            missing -= probs[pick]
        while len(picks) < budget:
            picks.append(_cheapest(blocks, uncovered, probs, missing, weight))
            cover.add(picks[-1])
            missing -= probs[picks[-1]]
    return np.array(picks, dtype=np.int64)


class _BlockCover:
    def __init__(self, points: Float32, uncovered: Float32, blocks: RowBlocks) -> None:
        self._points, self._uncovered, self._blocks = points, uncovered, blocks

    def farthest(self) -> int:
        return int(np.argmax(self._uncovered))

    def add(self, center: int) -> int:
        """Return the farthest point once the distances to this center are counted."""
        self._uncovered[center] = TAKEN

        def cover(rows: slice) -> tuple[np.float32, int]:
            away = distances.to_one_center(self._points[rows], self._points[center])
            nearest = np.minimum(self._uncovered[rows], away, out=self._uncovered[rows])
            farthest = int(np.argmax(nearest))
            return nearest[farthest], rows.start + farthest

        # max keeps the first of equals: the lowest position.
        return max(self._blocks.each(cover), key=lambda block: block[0])[1]


def _farthest_first(cover: Cover, budget: int) -> Int64:
    picks = [cover.farthest()]
    while len(picks) < budget:
        picks.append(cover.add(picks[-1]))
    return np.array(picks, dtype=np.int64)


def _cheapest(
    blocks: RowBlocks, uncovered: Float32, probs: Numbers, missing: Float64, weight: float
) -> int:
    def cheapest(rows: slice) -> tuple[float, int]:
        lacking = np.subtract(probs[rows], missing, dtype=np.float64)
        balance = np.einsum("nc->n", np.abs(lacking, out=lacking))
        away = uncovered[rows].astype(np.float64)
        # A square root in float64 keeps float32 squares apart, so that a weight of 0 ties as they.
        cost = weight * balance - np.sqrt(np.maximum(away, 0))
        cost[away == TAKEN] = np.inf
        best = int(np.argmin(cost))
        return float(cost[best]), rows.start + best

    return min(blocks.each(cheapest), key=lambda block: block[0])[1]


def _uncovered_at_first(points: Float32, labeled: Int64, rng: np.random.Generator) -> Float32:
    """Return (N,) squared distances to the nearest of the labeled, which are TAKEN themselves.

    Where nothing is labeled, one row drawn by `rng` is farther away than all others.
    """
    if len(labeled) == 0:
        uncovered = np.full(len(points), np.finfo(np.float32).max)
        uncovered[rng.integers(len(points))] = np.inf
        return uncovered
    uncovered = distances.to_nearest(points, points[labeled])
    uncovered[labeled] = TAKEN
    return uncovered
