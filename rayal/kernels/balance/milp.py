"""The class-balanced program given as it stands to a general solver: HiGHS or Gurobi."""

from __future__ import annotations

from typing import Any

import numpy as np

from rayal.kernels.balance.problem import Float64, Int64, Problem

FREE_LICENSE_VARIABLES = 2000
MODEL_TOO_LARGE = 10010  # Gurobi's error number for a model beyond its license
WAY_OUT = "choose solver: certified"


def by_highs(problem: Problem, time_limit: float) -> Int64:
    """Return the indices (b,) that HiGHS finds in time_limit seconds.

    Raises:
        ValueError: it finds none in that time.
    """
    costs, rows, sides = _as_arrays(problem)
    N = len(problem.costs)
    from scipy.optimize import Bounds, LinearConstraint, milp

    answer = milp(
        costs,
        constraints=LinearConstraint(rows, sides, sides),
        integrality=(np.arange(len(costs)) < N).astype(np.int64),
        bounds=Bounds(0, np.where(np.arange(len(costs)) < N, 1, np.inf)),
        options={"time_limit": time_limit, "mip_rel_gap": 0},
    )
    if answer.x is None:
        raise ValueError(
            f"HiGHS found no selection of {problem.budget} of {N} in {time_limit:g} seconds; "
            f"raise time_limit or {WAY_OUT}"
        )
    return _largest(answer.x[:N], problem.budget)


def by_gurobi(problem: Problem, time_limit: float) -> Int64:
    """Return the indices (b,) that Gurobi finds in time_limit seconds.

    Raises:
        ValueError: it finds none in that time, or it fails, or its license allows fewer images.
    """
    gurobipy = _import_gurobi()
    N = len(problem.costs)
    try:
        shares = _run_gurobi(gurobipy, problem, time_limit)
    except gurobipy.GurobiError as error:
        if error.errno == MODEL_TOO_LARGE:
            raise ValueError(
                f"Gurobi's license refuses N={N}: without a full one it stops at "
                f"{FREE_LICENSE_VARIABLES} variables, N + 2C here; {WAY_OUT}"
            ) from error
        raise ValueError(f"Gurobi failed ({error}); {WAY_OUT}") from error
    if shares is None:
        raise ValueError(
            f"Gurobi found no selection in {time_limit:g} seconds; raise time_limit or {WAY_OUT}"
        )
    return _largest(shares, problem.budget)


def _import_gurobi() -> Any:
    try:
        import gurobipy
    except ImportError as error:
        raise ValueError(
            f"solver: gurobi needs the package gurobipy, which is not installed; {WAY_OUT}"
        ) from error
    return gurobipy


def _run_gurobi(gurobipy: Any, problem: Problem, time_limit: float) -> Float64 | None:
    costs, rows, sides = _as_arrays(problem)
    N = len(problem.costs)
    with gurobipy.Env(params={"OutputFlag": 0}) as env, gurobipy.Model(env=env) as model:
        model.Params.TimeLimit = time_limit
        model.Params.Threads = 1
        model.Params.MIPGap = 0
        kinds = np.where(np.arange(len(costs)) < N, "B", "C")
        variables = model.addMVar(len(costs), obj=costs, vtype=kinds)
        model.addConstr(rows @ variables == sides)
        model.optimize()
        return np.asarray(variables.X[:N]) if model.SolCount else None


def _as_arrays(problem: Problem) -> tuple[Float64, Float64, Float64]:
    """Return costs, rows and right-hand sides of: z, what is missing, what is too much."""
    N, C = problem.probs.shape
    rows = np.zeros((C + 1, N + 2 * C))
    rows[:C, :N] = problem.probs.T
    rows[:C, N:] = np.hstack([np.eye(C), -np.eye(C)])
    rows[C, :N] = 1
    costs = np.append(problem.costs, np.full(2 * C, problem.weight))
    return costs, rows, np.append(problem.target, problem.budget)


def _largest(shares: Float64, budget: int) -> Int64:
    return np.argsort(-shares, kind="stable")[:budget]
