"""The linear relaxation of the class-balanced program, exactly, on a small core of columns.

At the optimum of the relaxation all but at most C + 1 images lie clearly on one side of a
threshold. Only images near the threshold (the core) enter the linear program; the others are
priced, and enter when they turn out to lie on the wrong side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rayal.kernels.balance.interior_point import CoreProgram, solve_core
from rayal.kernels.balance.problem import Float64, Int64, Problem

CORE = 1500  # columns of the first linear program
ALL = 4000  # rows that are no trouble to a linear program
SHRINK = 8  # a sample has this many times fewer rows
ROUNDS = 40
SIMPLEX = 100_000  # numbers of a linear program's core, from which on its vertices are too many


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Multipliers y (C,), the values (N,) they give, the proven bound, and shares (N,) of images.

    shares lie in [0, 1], sum to b, and all but about C of them are 0 or 1.
    """

    y: Float64
    values: Float64
    bound: float
    shares: Float64


def relax(problem: Problem) -> Relaxation:
    """Solve the linear relaxation; the bound is proven even where the solver stopped early."""
    y = _first_guess(problem)
    values = problem.values(y)
    core = _core_columns(values, problem.budget, _core_size(problem))
    shares = _lowest_values(values, problem.budget)
    best = Relaxation(y, values, problem.bound(y, values), shares)
    for _ in range(ROUNDS):
        y, threshold, shares = _solve_core(problem, core, shares)
        values = problem.values(y)
        bound = problem.bound(y, values)
        if bound >= best.bound:
            best = Relaxation(y, values, bound, shares)
        entering = _priced_in(values - threshold, shares, core)
        if not len(entering):
            return Relaxation(best.y, best.values, best.bound, shares)
        core = np.union1d(core, entering[: _core_size(problem)])
    return Relaxation(best.y, best.values, best.bound, shares)


def centered(problem: Problem, relaxation: Relaxation) -> Relaxation:
    """Move all multipliers by one number, to the middle of the box, where the bound stays.

    It stays where rows of P sum to one and the target to the budget. Missing one image of a class
    and having one too many then cost about the same, which makes good selections easier to find.
    """
    y = relaxation.y - (relaxation.y.min() + relaxation.y.max()) / 2
    values = problem.values(y)
    bound = problem.bound(y, values)
    if bound < relaxation.bound - 1e-6 * problem.weight:
        return relaxation
    return Relaxation(y, values, max(bound, relaxation.bound), relaxation.shares)


def _first_guess(problem: Problem) -> Float64:
    """Return the multipliers of a sample, which are near those of the whole."""
    N = len(problem.costs)
    if N <= ALL or problem.weight == 0:
        return np.zeros(len(problem.target))
    rows = np.random.default_rng(0).choice(N, N // SHRINK, replace=False)
    return relax(problem.sample(np.sort(rows))).y


def _core_size(problem: Problem) -> int:
    N = len(problem.costs)
    return N if N <= ALL else min(N, CORE + 20 * len(problem.target))


def _core_columns(values: Float64, budget: int, size: int) -> Int64:
    """Return the positions of the `size` values nearest to the b-th smallest, ascending."""
    threshold = np.partition(values, budget - 1)[budget - 1]
    if size >= len(values):
        return np.arange(len(values))
    away = np.abs(values - threshold)
    return np.sort(np.argpartition(away, size - 1)[:size])


def _lowest_values(values: Float64, budget: int) -> Float64:
    shares = np.zeros(len(values))
    shares[np.argpartition(values, budget - 1)[:budget]] = 1
    return shares


def _solve_core(problem: Problem, core: Int64, shares: Float64) -> tuple[Float64, float, Float64]:
    """Return multipliers, threshold and shares, where only shares of the core may change."""
    weight, C = problem.weight, len(problem.target)
    probs = problem.probs[core].astype(np.float64)
    held = shares.copy()
    held[core] = 0
    held_rows = np.flatnonzero(held)
    if len(core) * C > SIMPLEX:
        inner = _solve_by_interior_point(problem, core, held)
        if inner is not None:
            return inner
    free = np.concatenate([probs.T, np.eye(C), -np.eye(C)], axis=1)
    once = np.concatenate([np.ones(len(core)), np.zeros(2 * C)])
    from scipy.optimize import linprog

    answer = linprog(
        np.concatenate([problem.costs[core], np.full(2 * C, weight)]),
        A_eq=np.concatenate([free, once[None]]),
        b_eq=np.append(
            problem.target - problem.classes_of(held_rows), problem.budget - len(held_rows)
        ),
        bounds=[(0, 1)] * len(core) + [(0, None)] * (2 * C),
        method="highs-ds",
    )
    if answer.x is None:
        raise RuntimeError(f"HiGHS did not solve the linear relaxation: {answer.message}")
    held[core] = answer.x[: len(core)]
    multipliers = answer.eqlin.marginals
    return np.clip(multipliers[:C], -weight, weight), float(multipliers[C]), held


def _solve_by_interior_point(
    problem: Problem, core: Int64, held: Float64
) -> tuple[Float64, float, Float64] | None:
    """As `_solve_core`; held (N,): shares of the others, 0 in the core."""
    held_rows = np.flatnonzero(held)
    program = CoreProgram(
        problem.costs[core],
        problem.probs[core].astype(np.float64),
        problem.target - problem.classes_of(held_rows),
        problem.budget - len(held_rows),
        problem.weight,
    )
    solved = solve_core(program)
    if solved is None:
        return None
    multipliers, shares = solved
    held[core] = shares
    y = np.clip(multipliers[:-1], -problem.weight, problem.weight)
    return y, float(multipliers[-1]), held


def _priced_in(reduced: Float64, shares: Float64, core: Int64) -> Int64:
    """Return positions outside the core on the wrong side of the threshold, the worst first."""
    wrong = np.where(shares > 0.5, reduced, -reduced)
    wrong[core] = 0
    entering = np.flatnonzero(wrong > 1e-9)
    return entering[np.argsort(-wrong[entering], kind="stable")]
