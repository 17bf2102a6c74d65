"""Good selections for the class-balanced program: rounding, then the best single swaps.

Against multipliers y and a threshold, each image has a distance: its value less the threshold.
Any selection costs the dual value, plus the distances (made positive) of the images on which it
differs from the lowest values, plus what its class counts miss beyond y. A good selection
therefore differs from the lowest values near the threshold alone: in the window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rayal.kernels.balance.dual import Relaxation
from rayal.kernels.balance.problem import Bool, Float64, Int64, Problem

WINDOW = 800  # images that may be exchanged
REACH = 400  # of them on either side, nearest first, that a swap looks at
STEPS = 300
INNER = 1 - 1e-9  # with |y_c| below this share of the weight, a class is to meet its target


@dataclass(frozen=True, eq=False)
class Window:
    """The n images nearest to the threshold, ascending by |distance|; all others are settled.

    positions, distance, costs (n,); probs (n, C); base (n,): the selection of the lowest values;
    settled: positions chosen outside; target (C,): what the window is to give; y (C,): multipliers.
    """

    positions: Int64
    distance: Float64
    probs: Float64
    base: Bool
    settled: Int64
    target: Float64
    y: Float64
    weight: float

    def missing(self, chosen: Bool) -> Float64:
        """Return the target less the class counts (C,) of a selection (n,) of the window."""
        return np.asarray(self.target - self.probs[chosen].sum(axis=0))

    def excess(self, chosen: Bool) -> float:
        """Return the objective of a selection (n,) less the dual value; at least 0."""
        flipped = np.abs(self.distance[chosen != self.base]).sum()
        return float(flipped + mismatch_cost(self, self.missing(chosen)))

    def indices(self, chosen: Bool) -> Int64:
        """Return the positions in the pool of a selection (n,), with those settled."""
        return np.concatenate([self.settled, self.positions[chosen]])


def mismatch_cost(window: Window, missing: Float64) -> Float64:
    """Return weight |missing| - y missing of (..., C) missing images, (...): at least 0."""
    return np.asarray(window.weight * np.abs(missing).sum(axis=-1) - missing @ window.y)


def window_around(problem: Problem, relaxation: Relaxation) -> Window:
    """Return the window of a problem around the threshold of its relaxation."""
    values = relaxation.values
    order = np.argpartition(values, problem.budget - 1)
    distance = values - values[order[problem.budget - 1]]
    lowest = np.zeros(len(values), dtype=bool)
    lowest[order[: problem.budget]] = True
    near = _nearest(distance, min(WINDOW, len(values)))
    base = lowest[near]
    lowest[near] = False
    settled = np.flatnonzero(lowest)
    return Window(
        positions=near,
        distance=distance[near],
        probs=problem.probs[near].astype(np.float64),
        base=base,
        settled=settled,
        target=problem.target - problem.classes_of(settled),
        y=relaxation.y,
        weight=problem.weight,
    )


def round_shares(window: Window, shares: Float64) -> Bool:
    """Return the selection (n,) of the largest shares (N,), as many as the base chooses."""
    chosen = np.zeros(len(window.base), dtype=bool)
    largest = np.argsort(-shares[window.positions], kind="stable")
    chosen[largest[: window.base.sum()]] = True
    return chosen


def local_search(window: Window, chosen: Bool) -> Bool:
    """Return the selection (n,) after best single swaps, until none helps."""
    from scipy.spatial.distance import cdist

    outside, inside = np.flatnonzero(~chosen)[:REACH], np.flatnonzero(chosen)[:REACH]
    costs = window.distance + window.probs @ window.y  # but for a constant
    missing = window.missing(chosen)
    for _ in range(STEPS):
        after = costs[outside][:, None] - costs[inside][None]
        after += window.weight * cdist(
            missing - window.probs[outside], -window.probs[inside], "cityblock"
        )
        entering, leaving = np.unravel_index(after.argmin(), after.shape) if after.size else (0, 0)
        now = window.weight * np.abs(missing).sum()
        if not after.size or after[entering, leaving] >= now - 1e-12 * (1 + now):
            break
        missing += window.probs[inside[leaving]] - window.probs[outside[entering]]
        outside[entering], inside[leaving] = inside[leaving], outside[entering]
    better = chosen.copy()
    better[outside], better[inside] = False, True
    return better


def _nearest(distance: Float64, size: int) -> Int64:
    away = np.abs(distance)
    near = np.sort(np.argpartition(away, size - 1)[:size])
    return near[np.argsort(away[near], kind="stable")]
