"""The program's relaxation, then a search near its threshold: a selection and a proven bound."""

from __future__ import annotations

import numpy as np

from rayal.kernels.balance.dual import Relaxation, centered
from rayal.kernels.balance.meet_in_the_middle import HALF, combine_halves, finalize
from rayal.kernels.balance.problem import Bool, Int64, Problem
from rayal.kernels.balance.search import Window, local_search, round_shares, window_around

QUICK = ((10_000, 0),)  # size of the lists, and how often on random parts
THOROUGH = ((10_000, 0), (40_000, 60), (160_000, 0))
NEAREST = (60, 80, 100)  # images of which random thirds stay out, in turn


def certified(
    problem: Problem, relaxation: Relaxation, efforts: tuple[tuple[int, int], ...]
) -> tuple[Int64, float]:
    """Return the best selection found, (b,) positions, and a lower bound on all selections.

    Args:
        problem: the program.
        relaxation: of it.
        efforts: one after another until the selection is proven best: how long the lists of
            `combine_halves` are, and how often it is tried on random parts (0: once on all).
    """
    window = window_around(problem, centered(problem, relaxation))
    chosen = local_search(window, round_shares(window, relaxation.shares))
    chosen = _better_of(window, chosen, local_search(window, window.base))
    everything = len(window.positions) == len(problem.costs)
    allowance = 4 * problem.rounding
    for size, repeats in efforts:
        if window.excess(chosen) <= allowance:
            break
        proven, other = finalize(window, everything, window.excess(chosen) + allowance)
        chosen = _better_of(window, chosen, other)
        if proven:
            indices = window.indices(chosen)
            return indices, problem.objective(indices) - allowance
        chosen = _combine_repeatedly(window, chosen, size, repeats)
    return window.indices(chosen), relaxation.bound


def _combine_repeatedly(window: Window, chosen: Bool, size: int, repeats: int) -> Bool:
    """Combine halves once on all of the nearest images, or `repeats` times on random parts.

    Lists of the same length reach further from the lowest values where fewer images take part.
    """
    rng = np.random.default_rng(0)
    for turn in range(max(repeats, 1)):
        part = np.arange(min(2 * HALF, len(window.positions)))
        if repeats:
            part = rng.permutation(part[: NEAREST[turn % len(NEAREST)]])
            part = np.sort(part[: 2 * len(part) // 3])
        other = combine_halves(window, part, size, window.excess(chosen))
        if other is not None:
            chosen = _better_of(window, chosen, local_search(window, other))
    return chosen


def _better_of(window: Window, chosen: Bool, other: Bool | None) -> Bool:
    if other is None or window.excess(other) >= window.excess(chosen):
        return chosen
    return other
