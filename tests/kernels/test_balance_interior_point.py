"""The interior-point method of the class-balanced program's relaxation, against the simplex."""

import numpy as np
import pytest
from scipy.optimize import linprog

from rayal.kernels.balance import dual, relax
from rayal.kernels.balance.interior_point import CoreProgram, solve_core
from rayal.kernels.balance.problem import Problem


def random_program(seed: int, n: int, C: int, weight: float = 1.0) -> CoreProgram:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(C), n)
    count = int(rng.integers(1, n))
    target = rng.dirichlet(np.ones(C)) * count * rng.choice([0.5, 1.0, 2.0])
    return CoreProgram(rng.normal(size=n), probs, target, count, weight)


def by_simplex(program: CoreProgram) -> float:
    n, C = program.probs.shape
    free = np.concatenate([program.probs.T, np.eye(C), -np.eye(C)], axis=1)
    once = np.concatenate([np.ones(n), np.zeros(2 * C)])
    return float(
        linprog(
            np.concatenate([program.costs, np.full(2 * C, program.weight)]),
            A_eq=np.concatenate([free, once[None]]),
            b_eq=np.append(program.target, program.count),
            bounds=[(0, 1)] * n + [(0, None)] * (2 * C),
            method="highs-ds",
        ).fun
    )


def dual_value(program: CoreProgram, multipliers: np.ndarray) -> float:
    reduced = program.costs - program.probs @ multipliers[:-1] - multipliers[-1]
    paid = multipliers[:-1] @ program.target + multipliers[-1] * program.count
    return float(paid + np.minimum(reduced, 0).sum())


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("weight", [0.01, 1.0, 30.0])
def test_multipliers_and_shares_are_as_good_as_the_simplexs(seed: int, weight: float) -> None:
    program = random_program(seed, 5 + 40 * (seed % 4), 1 + seed % 7, weight)
    solved = solve_core(program)
    assert solved is not None
    multipliers, shares = solved
    expected, near = by_simplex(program), 1e-6 * (1 + weight)
    assert np.abs(multipliers[:-1]).max() <= weight * (1 + 1e-9)
    assert dual_value(program, multipliers) == pytest.approx(expected, abs=near, rel=1e-7)
    missing = np.abs(program.target - shares @ program.probs).sum()
    assert shares.sum() == pytest.approx(program.count, abs=1e-4)
    assert program.costs @ shares + weight * missing == pytest.approx(
        expected, abs=100 * near, rel=1e-4
    )


def test_equal_columns_share_what_they_are_chosen_for() -> None:
    program = CoreProgram(np.full(8, -1.0), np.full((8, 2), 0.5), np.array([2.0, 2.0]), 4, 1.0)
    solved = solve_core(program)
    assert solved is not None
    assert solved[1] == pytest.approx(np.full(8, 0.5), abs=1e-4)


@pytest.mark.parametrize(("count", "weight"), [(0, 1.0), (6, 1.0), (3, 0.0)])
def test_a_program_without_an_interior_is_left_to_the_simplex(count: int, weight: float) -> None:
    program = CoreProgram(np.arange(6.0), np.full((6, 2), 0.5), np.ones(2), count, weight)
    assert solve_core(program) is None


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_of_a_relaxation_does_not_depend_on_the_method(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(5, 0.3 + seed), 6000).astype(np.float32)
    target = rng.dirichlet(np.ones(5)) * 200
    problem = Problem(np.sort(rng.normal(size=6000)), probs, target, 200, 1.0)
    simplex = relax(problem)
    monkeypatch.setattr(dual, "SIMPLEX", 0)
    inner = relax(problem)
    assert inner.bound == pytest.approx(simplex.bound, rel=1e-8)
    assert inner.shares.sum() == pytest.approx(200, abs=1e-3)
