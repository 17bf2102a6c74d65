"""Choosing images that are cheap and whose expected classes meet a target (CBAL, Eq. 8-9).

min over z in {0, 1}^N, sum z = b, of  costs'z + weight * ||target - P'z||_1.

The answer comes with a proven lower bound on what any selection could reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from rayal.kernels.balance.dual import Relaxation, centred, relax
from rayal.kernels.balance.meet_in_the_middle import HALF, meet, settle
from rayal.kernels.balance.milp import by_gurobi, by_highs
from rayal.kernels.balance.problem import Bool, Int64, Problem
from rayal.kernels.balance.search import Window, descend, look_around, round_shares
from rayal.kernels.validation import check_finite

Numbers = npt.NDArray[np.floating[Any]]

SOLVERS = ("auto", "certified", "gurobi", "highs")
TINY = float(np.finfo(np.float64).tiny)
SMALL = 10_000  # pools whose gap is wide enough, and search cheap enough, to search for seconds
GRID = tuple(round(0.1 * step, 1) for step in range(1, 31))
SETTLED = 0.01  # of the whole fall of the L1 loss that may still be to come
QUICK = ((10_000, 0),)  # size of the lists, and how often on random parts
THOROUGH = ((10_000, 0), (40_000, 60), (160_000, 0))
NEAREST = (60, 80, 100)  # images of which random thirds stay out, in turn


@dataclass(frozen=True, eq=False)
class Balanced:
    """A selection, and how far from the best it can be at most.

    indices: (b,) distinct positions, ascending by cost, equal costs by position.
    objective: of the indices, in float64.
    bound: no selection has a lower objective, proven in spite of rounding.
    gap: (objective - bound) / |objective|, at least 0; it is 0 where nothing is left but the
        allowance for rounding, so that the selection is a best one.
    """

    indices: Int64
    objective: float
    bound: float
    gap: float


def solve(  # noqa: PLR0913 - the programme's five parts, and who solves it
    costs: Numbers,
    probs: Numbers,
    target: Numbers,
    budget: int,
    weight: float,
    solver: str = "auto",
    time_limit: float = 60,
    quick: bool = False,
) -> Balanced:
    """Return a selection of `budget` images with a low cost and a small L1 loss.

    The same input gives the same answer, whatever the number of threads, unless a time limit
    stops "highs" or "gurobi".

    Args:
        costs: (N,), low for images worth asking for.
        probs: (N, C), expected share of each image in each class, none negative.
        target: (C,), how many images of each class are wanted; they need not sum to the budget.
        budget: from 1 to N.
        weight: what one missing or superfluous image of a class costs, at least 0.
        solver: "certified" (the relaxation by pricing, then a search near its threshold; "auto"
            is the same), "highs" or "gurobi" (branch and bound on the whole). Their bound is that
            of the relaxation too, because their own holds within tolerances only.
        time_limit: seconds for "highs" and "gurobi".
        quick: search once instead of some sixty times, as is done above 10,000 images anyway: a
            tenth of a second in place of ten, for an objective that is up to .3 % higher at 1,000
            images and .1 % at 5,000 where the classes are hard to balance.

    Raises:
        ValueError: for arrays that do not fit, NaN or infinity, and values outside their bounds;
            where Gurobi is absent or its licence too small; where no selection is found in time.
    """
    if solver not in SOLVERS:
        raise ValueError(f"unknown solver '{solver}'; choose one of {', '.join(SOLVERS)}")
    problem = _checked(costs, probs, target, budget, weight)
    with threadpool_limits(limits=1):
        relaxation = relax(problem)
        if solver in ("auto", "certified"):
            efforts = QUICK if quick or len(problem.costs) > SMALL else THOROUGH
            return _certified(problem, relaxation, efforts)
        by = by_highs if solver == "highs" else by_gurobi
        return _balanced(problem, by(problem, time_limit), relaxation.bound)


def l1_loss(probs: Numbers, target: Numbers, indices: Int64) -> float:
    """Return ||target - P'z||_1 of a selection: expected images missing or superfluous."""
    counts = probs[indices].astype(np.float64).sum(axis=0)
    return float(np.abs(np.asarray(target, dtype=np.float64) - counts).sum())


def settled_weight(
    costs: Numbers,
    probs: Numbers,
    target: Numbers,
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
    """
    if not len(grid) or grid[0] <= 0 or any(a >= b for a, b in pairwise(grid)):
        raise ValueError(f"grid must hold ascending weights above 0, but is {list(grid)}")
    problem = _checked(costs, probs, target, budget, grid[-1])
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
    weighted = replace(problem, weight=float(weight))
    answer = _certified(weighted, relax(weighted), QUICK)
    return l1_loss(problem.probs, problem.target, answer.indices)


def _certified(
    problem: Problem, relaxation: Relaxation, efforts: tuple[tuple[int, int], ...]
) -> Balanced:
    window = look_around(problem, centred(problem, relaxation))
    chosen = descend(window, round_shares(window, relaxation.shares))
    chosen = _lower(window, chosen, descend(window, window.base))
    everything = len(window.positions) == len(problem.costs)
    allowance = 4 * problem.rounding
    for size, repeats in efforts:
        if window.excess(chosen) <= allowance:
            break
        proven, other = settle(window, everything, window.excess(chosen) + allowance)
        chosen = _lower(window, chosen, other)
        if proven:
            indices = window.indices(chosen)
            return _balanced(problem, indices, problem.objective(indices) - allowance)
        chosen = _meet_often(window, chosen, size, repeats)
    return _balanced(problem, window.indices(chosen), relaxation.bound)


def _meet_often(window: Window, chosen: Bool, size: int, repeats: int) -> Bool:
    """Meet once on all of the nearest images, or `repeats` times on random parts of them.

    Lists of the same length reach further from the lowest values where fewer images take part.
    """
    rng = np.random.default_rng(0)
    for turn in range(max(repeats, 1)):
        part = np.arange(min(2 * HALF, len(window.positions)))
        if repeats:
            part = rng.permutation(part[: NEAREST[turn % len(NEAREST)]])
            part = np.sort(part[: 2 * len(part) // 3])
        other = meet(window, part, size, window.excess(chosen))
        if other is not None:
            chosen = _lower(window, chosen, descend(window, other))
    return chosen


def _lower(window: Window, chosen: Bool, other: Bool | None) -> Bool:
    if other is None or window.excess(other) >= window.excess(chosen):
        return chosen
    return other


def _balanced(problem: Problem, indices: Int64, bound: float) -> Balanced:
    indices = np.sort(indices)
    indices = indices[np.argsort(problem.costs[indices], kind="stable")].astype(np.int64)
    objective = problem.objective(indices)
    bound = min(bound, objective)
    left = objective - bound
    gap = 0.0 if left <= 8 * problem.rounding else left / max(abs(objective), TINY)
    return Balanced(indices, objective, bound, gap)


def _checked(
    costs: Numbers, probs: Numbers, target: Numbers, budget: int, weight: float
) -> Problem:
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


def _check_shapes(costs: Numbers, probs: Numbers, target: Numbers) -> None:
    wanted = (*costs.shape, *target.shape)
    if costs.ndim != 1 or target.ndim != 1 or probs.shape != wanted or 0 in wanted:
        raise ValueError(
            f"costs (N,), probs (N, C) and target (C,) must fit and hold something, but their "
            f"shapes are {costs.shape}, {probs.shape} and {target.shape}"
        )
