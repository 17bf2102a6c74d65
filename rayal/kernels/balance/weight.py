"""The weight of the L1 term by CBAL's rule: the smallest after which the loss no longer falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from threadpoolctl import threadpool_limits

from rayal.kernels.balance.certified import QUICK, certified
from rayal.kernels.balance.dual import relax
from rayal.kernels.balance.problem import Floating, Problem, checked_problem, l1_loss

GRID = tuple(round(0.1 * step, 1) for step in range(1, 31))
SETTLED = 0.01  # of the whole fall of the L1 loss that may still be to come


def settled_weight(
    costs: Floating,
    probs: Floating,
    target: Floating,
    budget: int,
    grid: Sequence[float] = GRID,
) -> float:
    """Return the smallest weight of a grid after which the L1 loss no longer falls.

    (CBAL, section 5.1.) The L1 loss of best selections never rises with the weight, so the grid is
    bisected. A loss has settled where at most 1 % of the fall from weight 0 to the largest weight
    is still to come.

    Args:
        costs: (N,).
        probs: (N, C).
        target: (C,).
        budget: from 1 to N.
        grid: ascending weights above 0.

    Raises:
        ValueError: a grid that is empty or does not ascend, and as `checked_problem`.
    """
    if not len(grid) or grid[0] <= 0 or any(a >= b for a, b in pairwise(grid)):
        raise ValueError(f"grid must hold ascending weights above 0, but is {list(grid)}")
    problem = checked_problem(costs, probs, target, budget, grid[-1])
    with threadpool_limits(limits=1):
        least, most = _loss(problem, grid[-1]), _loss(problem, 0)
        enough = least + SETTLED * max(most - least, 0) + 1e-9
        low, high = 0, len(grid) - 1
        while low < high:
            middle = (low + high) // 2
            if _loss(problem, grid[middle]) <= enough:
                high = middle
            else:
                low = middle + 1
    return float(grid[low])


def _loss(problem: Problem, weight: float) -> float:
    """Return ||target - P'z||_1 of the selection found at this weight."""
    weighted = replace(problem, weight=float(weight))
    indices, _ = certified(weighted, relax(weighted), QUICK)
    return l1_loss(problem.probs, problem.target, indices)
