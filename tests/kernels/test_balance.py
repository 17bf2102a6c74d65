import sys
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

from rayal.kernels import balance
from rayal.kernels.balance import Balanced, l1_loss, settled_weight
from rayal.kernels.balance import dual as balance_dual
from rayal.kernels.balance import search as balance_search
from rayal.kernels.balance.certified import certified
from rayal.kernels.balance.problem import checked_problem
from tests.draws import draws

pytestmark = pytest.mark.slow


def solve(*problem, thorough: bool = True, **options) -> Balanced:
    """What is promised of the best answer; the quick one is less low."""
    return balance.solve(*problem, thorough=thorough, **options)


def random_problem(seed: int, N: int, C: int, budget: int) -> tuple[np.ndarray, ...]:
    """Costs, probs with rare classes, and a target: what some subset gives, or any."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(N, C)) * rng.uniform(0.5, 3) + np.linspace(0, 2, C)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    costs = (probs * np.log(probs)).sum(axis=1)
    target = probs[rng.choice(N, budget, replace=False)].sum(axis=0)
    if seed % 2:
        target = rng.dirichlet(np.ones(C)) * budget * rng.uniform(0.5, 2)
    return costs, probs.astype(np.float32), target


def objective(
    costs: np.ndarray, probs: np.ndarray, target: np.ndarray, weight: float, chosen: np.ndarray
) -> float:
    missing = target - probs[chosen].astype(float).sum(axis=0)
    return float(costs[chosen].sum() + weight * np.abs(missing).sum())


def slow_twin(
    costs: np.ndarray, probs: np.ndarray, target: np.ndarray, budget: int, weight: float
) -> float:
    """The definition: the lowest objective of all subsets."""
    subsets = np.array(list(combinations(range(len(costs)), budget)))
    missing = target - probs.astype(float)[subsets].sum(axis=1)
    return float((costs[subsets].sum(axis=1) + weight * np.abs(missing).sum(axis=1)).min())


def relaxed_by_highs(
    costs: np.ndarray, probs: np.ndarray, target: np.ndarray, budget: int, weight: float
) -> float:
    """The linear relaxation as it stands, all columns at once."""
    N, C = probs.shape
    rows = np.zeros((C + 1, N + 2 * C))
    rows[:C] = np.hstack([probs.T, np.eye(C), -np.eye(C)])
    rows[C, :N] = 1
    answer = linprog(
        np.append(costs, np.full(2 * C, weight)),
        A_eq=rows,
        b_eq=np.append(target, budget),
        bounds=[(0, 1)] * N + [(0, None)] * (2 * C),
    )
    return float(answer.fun)


def check(answer: Balanced, N: int, budget: int) -> None:
    assert answer.indices.dtype == np.int64
    assert len(set(answer.indices.tolist())) == len(answer.indices) == budget
    assert 0 <= answer.indices.min() <= answer.indices.max() < N
    assert answer.bound <= answer.objective
    assert answer.gap >= 0


@pytest.mark.parametrize("seed", draws(250))
def test_small_answers_are_the_optimum_that_the_slow_twin_finds(seed: int) -> None:
    rng = np.random.default_rng([seed, 1])
    N, C = int(rng.integers(1, 12)), int(rng.integers(1, 6))
    budget, weight = int(rng.integers(1, N + 1)), float(rng.choice([0, 0.1, 1, 3]))
    costs, probs, target = random_problem(seed, N, C, budget)
    answer = solve(costs, probs, target, budget, weight)
    check(answer, N, budget)
    optimum = slow_twin(costs, probs, target, budget, weight)
    assert answer.bound <= optimum
    assert answer.objective == pytest.approx(optimum, abs=1e-10)
    assert answer.gap == 0


@pytest.mark.parametrize("seed", draws(40))
def test_a_bound_without_the_full_search_lies_below_the_optimum(seed: int) -> None:
    costs, probs, target = random_problem(seed, 11, 4, 5)
    problem = checked_problem(costs, probs, target, 5, 1.0)
    relaxation = balance_dual.relax(problem)
    optimum = slow_twin(costs, probs, target, 5, 1.0)
    assert relaxation.bound <= optimum
    indices, _ = certified(problem, relaxation, ())
    assert problem.objective(indices) >= optimum - 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_the_bound_is_that_of_the_whole_linear_relaxation(seed: int) -> None:
    costs, probs, target = random_problem(seed, 6000, 5, 300)
    relaxed = relaxed_by_highs(costs, probs, target, 300, 0.7)
    problem = checked_problem(costs, probs, target, 300, 0.7)
    bound = balance_dual.relax(problem).bound
    assert bound == pytest.approx(relaxed, rel=1e-8)


def test_multipliers_that_are_not_the_best_bound_too() -> None:
    costs, probs, target = random_problem(0, 11, 4, 5)
    problem = checked_problem(costs, probs, target, 5, 1.0)
    optimum = slow_twin(costs, probs, target, 5, 1.0)
    rng = np.random.default_rng(0)
    for y in rng.uniform(-1, 1, size=(200, 4)):
        assert problem.bound(y, problem.values(y)) <= optimum


def test_excess_is_the_objective_above_the_dual_value() -> None:
    costs, probs, target = random_problem(2, 3000, 6, 200)
    problem = checked_problem(costs, probs, target, 200, 0.8)
    relaxation = balance_dual.relax(problem)
    window = balance_search.window_around(problem, relaxation)
    for chosen in (window.base, balance_search.round_shares(window, relaxation.shares)):
        whole = problem.objective(window.indices(chosen))
        assert relaxation.bound + window.excess(chosen) == pytest.approx(whole, abs=1e-8)


@pytest.mark.parametrize("weight", [0.1, 1.0, 3.0])
def test_a_pool_of_45000_is_solved_within_a_small_gap(weight: float) -> None:
    costs, probs, target = random_problem(0, 45_000, 10, 2500)
    answer = solve(costs, probs, target, 2500, weight)
    check(answer, 45_000, 2500)
    assert answer.gap < 1e-4
    assert answer.objective == pytest.approx(
        objective(costs, probs, target, weight, answer.indices), abs=1e-8
    )


@pytest.mark.parametrize("seed", range(3))
def test_no_worse_than_branch_and_bound_to_the_end(seed: int) -> None:
    costs, probs, target = random_problem(seed, 60, 3, 8)
    ours = solve(costs, probs, target, 8, 1.0)
    theirs = solve(costs, probs, target, 8, 1.0, solver="highs")
    check(theirs, 60, 8)
    assert ours.objective <= theirs.objective + 1e-9
    assert theirs.bound <= ours.objective


def test_gurobi_agrees() -> None:
    pytest.importorskip("gurobipy", reason="the optional package gurobipy is not installed")
    costs, probs, target = random_problem(1, 60, 3, 8)
    theirs = solve(costs, probs, target, 8, 1.0, solver="gurobi")
    check(theirs, 60, 8)
    assert solve(costs, probs, target, 8, 1.0).objective <= theirs.objective + 1e-9


def test_what_gurobis_license_refuses_is_said_with_the_way_out() -> None:
    pytest.importorskip("gurobipy", reason="the optional package gurobipy is not installed")
    costs, probs, target = random_problem(1, 2100, 3, 8)
    with pytest.raises(ValueError, match=r"N=2100.*2000 variables.*solver: certified"):
        solve(costs, probs, target, 8, 1.0, solver="gurobi", time_limit=1)


def test_without_gurobipy_the_message_names_it_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gurobipy", None)
    with pytest.raises(ValueError, match=r"gurobipy.*not installed.*solver: certified"):
        solve(*random_problem(0, 9, 2, 3), 3, 1.0, solver="gurobi")


def test_highs_without_an_answer_in_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = SimpleNamespace(x=None)
    monkeypatch.setattr("scipy.optimize.milp", lambda *_, **__: empty)
    with pytest.raises(ValueError, match="no selection of 3 of 9 in 2 seconds"):
        solve(*random_problem(0, 9, 2, 3), 3, 1.0, solver="highs", time_limit=2)


def test_all_images_alike_are_chosen_by_position_somehow_and_proven_best() -> None:
    probs = np.full((300, 4), 0.25, dtype=np.float32)
    answer = solve(np.full(300, -1.0), probs, np.full(4, 10.0), 40, 1.0)
    check(answer, 300, 40)
    assert answer.objective == pytest.approx(-40)
    assert answer.gap == 0


def test_duplicated_rows_are_each_chosen_once() -> None:
    costs, probs, target = random_problem(0, 20, 3, 10)
    answer = solve(np.tile(costs, 30), np.tile(probs, (30, 1)), target * 2, 20, 1.0)
    check(answer, 600, 20)


@pytest.mark.parametrize(
    ("N", "C", "budget"), [(1, 1, 1), (1, 5, 1), (7, 1, 3), (9, 4, 9), (50, 1, 25)]
)
def test_the_smallest_shapes_work(N: int, C: int, budget: int) -> None:
    for weight in (0.0, 1.0):
        answer = solve(*random_problem(0, N, C, budget), budget, weight)
        check(answer, N, budget)
        assert answer.gap == 0


def test_without_weight_the_cheapest_are_chosen() -> None:
    costs, probs, target = random_problem(0, 5000, 8, 70)
    answer = solve(costs, probs, target, 70, 0.0)
    assert answer.indices.tolist() == np.argsort(costs, kind="stable")[:70].tolist()
    assert answer.gap == 0


def test_indices_ascend_by_cost_then_position() -> None:
    costs, probs, target = random_problem(0, 400, 3, 60)
    costs = costs.round(1)
    indices = solve(costs, probs, target, 60, 0.5).indices
    assert indices.tolist() == sorted(indices.tolist(), key=lambda i: (costs[i], i))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_every_float_type_is_taken_as_its_values(kind: type) -> None:
    costs, probs, target = (part.astype(np.float16) for part in random_problem(0, 40, 3, 9))
    expected = solve(costs.astype(float), probs.astype(float), target.astype(float), 9, 1.0)
    answer = solve(costs.astype(kind), probs.astype(kind), target.astype(kind), 9, 1.0)
    assert answer.indices.tolist() == expected.indices.tolist()
    assert answer.objective == expected.objective


def test_integers_are_taken_as_numbers() -> None:
    answer = solve(np.arange(6), np.eye(2, dtype=int)[[0, 0, 0, 1, 1, 1]], np.array([1, 1]), 2, 9)
    assert answer.indices.tolist() == [0, 3]


def test_strided_and_read_only_arrays_give_the_same_answer() -> None:
    costs, probs, target = random_problem(0, 300, 4, 30)
    expected = solve(costs, probs, target, 30, 1.0)
    wide = np.repeat(np.asfortranarray(np.repeat(probs, 2, axis=1)), 2, axis=0)[::2, ::2]
    parts = (np.repeat(costs, 2)[::2], wide, np.repeat(target, 2)[::2])
    for part in parts:
        part.flags.writeable = False
    answer = solve(*parts, 30, 1.0)
    assert answer.indices.tolist() == expected.indices.tolist()
    assert answer.bound == expected.bound


def test_the_answer_is_the_same_on_any_number_of_threads() -> None:
    problem = (*random_problem(0, 12_000, 10, 600), 600, 1.0)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            answers.append(solve(*problem))
    assert answers[0].indices.tolist() == answers[1].indices.tolist()
    assert answers[0].bound == answers[1].bound


@pytest.mark.parametrize("solver", ["auto", "certified", "highs"])
def test_bad_input_is_refused_by_every_solver(solver: str) -> None:
    costs, probs, target = random_problem(0, 9, 3, 4)
    hole = probs.copy()
    hole[5, 1] = np.nan
    for arguments, message in [
        ((costs[:-1], probs, target, 4, 1.0), r"must fit.*\(8,\), \(9, 3\) and \(3,\)"),
        ((costs, probs, target[:-1], 4, 1.0), "must fit"),
        ((costs, probs[:, 0], target, 4, 1.0), "must fit"),
        ((costs[:0], probs[:0], target, 4, 1.0), "hold something"),
        ((costs, hole, target, 4, 1.0), "probs must be finite.*first in row 5"),
        ((np.where(costs == costs[2], np.inf, costs), probs, target, 4, 1.0), "costs must be fin"),
        ((costs, probs, target * np.nan, 4, 1.0), "target must be finite"),
        ((costs, -probs, target, 4, 1.0), "probs must not be negative"),
        ((costs, probs, target, 0, 1.0), "budget must be from 1 to N=9, but is 0"),
        ((costs, probs, target, 10, 1.0), "budget must be from 1 to N=9, but is 10"),
        ((costs, probs, target, 4, -0.1), "weight must be finite and at least 0, but is -0.1"),
        ((costs, probs, target, 4, np.nan), "weight must be finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            solve(*arguments, solver=solver)


def test_an_unknown_solver_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'cplex'.*auto, certified, gurobi, highs"):
        solve(*random_problem(0, 9, 3, 4), 4, 1.0, solver="cplex")


def test_l1_loss_is_that_of_the_definition() -> None:
    _, probs, target = random_problem(0, 9, 3, 4)
    indices = np.array([1, 4, 8])
    expected = sum(abs(target[c] - sum(float(probs[i, c]) for i in indices)) for c in range(3))
    assert l1_loss(probs, target, indices) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(12))
def test_the_settled_weight_is_the_first_of_a_plain_scan(seed: int) -> None:
    costs, probs, target = random_problem(seed, 24, 3, 6)
    grid = tuple(np.round(np.arange(1, 16) * 0.2, 1).tolist())
    losses = [
        l1_loss(probs, target, solve(costs, probs, target, 6, weight).indices)
        for weight in (0.0, *grid)
    ]
    enough = losses[-1] + 0.01 * (losses[0] - losses[-1]) + 1e-9
    expected = next(w for w, loss in zip(grid, losses[1:], strict=True) if loss <= enough)
    assert settled_weight(costs, probs, target, 6, grid) == expected


def test_where_the_loss_never_falls_the_lowest_weight_has_settled() -> None:
    assert settled_weight(np.arange(5.0), np.ones((5, 1)), np.array([2.0]), 2) == 0.1


@pytest.mark.parametrize("grid", [(), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0)])
def test_a_grid_that_does_not_ascend_above_0_is_refused(grid: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="grid must hold ascending weights above 0"):
        settled_weight(*random_problem(0, 9, 3, 4), 4, grid)


def test_a_thorough_search_is_a_little_lower_and_has_the_same_bound() -> None:
    costs, probs, target = random_problem(1, 600, 6, 40)
    quick, thorough = (solve(costs, probs, target, 40, 3.0, thorough=t) for t in (False, True))
    assert quick.bound == pytest.approx(thorough.bound)
    assert thorough.objective <= quick.objective <= thorough.objective + 0.01 * abs(quick.bound)
