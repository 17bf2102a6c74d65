"""Greedy k-center: ask for the point farthest from all that is labelled (Gonzalez 1985)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

TAKEN = -1.0  # below every squared distance


def greedy_k_center(
    features: npt.NDArray[np.floating[Any]],
    labelled: Int64,
    budget: int,
    rng: np.random.Generator,
) -> Int64:
    """Return `budget` positions, each the one farthest from the labelled and those before it.

    With all centres chosen this way the largest Euclidean distance to a centre is at most twice
    the smallest possible. Ties go to the lowest position. Where nothing is labelled the first
    centre is drawn by `rng`. Needs O(N) memory beyond the features.

    Args:
        features: (N, D).
        labelled: positions that are centres already.
        budget: at most N less the number labelled.
        rng: used for the first centre only.
    """
    points = np.ascontiguousarray(features, dtype=np.float32)
    uncovered = _distances_to_labelled(points, labelled)
    if len(labelled) == 0:
        # Less than infinite, so that the one drawn, which stays infinite, comes first.
        first = rng.integers(len(points))
        uncovered[np.arange(len(points)) != first] = np.finfo(np.float32).max
    return np.fromiter(_farthest_first(points, uncovered, budget), np.int64, budget)


def _farthest_first(points: Float32, uncovered: Float32, budget: int) -> Iterator[int]:
    for _ in range(budget):
        pick = int(np.argmax(uncovered))
        np.minimum(uncovered, distances.to_one_centre(points, points[pick]), out=uncovered)
        uncovered[pick] = TAKEN
        yield pick


def _distances_to_labelled(points: Float32, labelled: Int64) -> Float32:
    """Return (N,) squared distances to the nearest of the labelled, which are TAKEN themselves."""
    if len(labelled) == 0:
        return np.full(len(points), np.inf, dtype=np.float32)
    nearest = distances.nearest_centre(points, points[labelled])
    uncovered = distances.to_own_centre(points, nearest, points[labelled])
    uncovered[labelled] = TAKEN
    return uncovered
