"""Rank-one updates choose as the definition does, evaluated anew at each pick."""

from fractions import Fraction

import numpy as np
import pytest

from rayal.kernels import fisher_design
from rayal.kernels.fisher_design import TIE, greedy_design
from tests.draws import draws

pytestmark = pytest.mark.slow

NONE = np.array([], dtype=np.int64)


def slow_twin(
    features: np.ndarray, information: np.ndarray, labeled: np.ndarray, budget: int, ridge: float
) -> list[int]:
    """The traces of inverses, one candidate after another."""
    total = len(labeled) + budget
    v = np.sqrt(information)[:, None] * features.astype(np.float64)
    x = v * np.sqrt(budget / total)
    fisher = v.T @ v / len(v)
    matrix = ridge * np.eye(v.shape[1]) + v[labeled].T @ v[labeled] / total

    def trace(m: np.ndarray) -> float:
        return float(np.trace(np.linalg.solve(m, fisher)))

    left = [i for i in range(len(v)) if i not in labeled and information[i] > 0]
    picks: list[int] = []
    while left and len(picks) < 2 * budget:
        before = trace(matrix)
        falls = np.array([before - trace(matrix + np.outer(x[i], x[i])) for i in left])
        best = left[int(np.argmax(falls >= falls.max() * (1 - TIE) - 1e-12 * before))]
        picks.append(best)
        left.remove(best)
        matrix += np.outer(x[best], x[best])
    while len(picks) > budget:
        before = trace(matrix)
        rises = np.array([trace(matrix - np.outer(x[i], x[i])) - before for i in picks])
        least = rises.min() * (1 + TIE) + 1e-12 * before
        removed = picks.pop(int(np.flatnonzero(rises <= least)[-1]))
        matrix -= np.outer(x[removed], x[removed])
    return picks


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float]:
    """Features of several lengths, some without information, in every third problem with copies."""
    rng = np.random.default_rng(seed)
    n, D = int(rng.integers(6, 50)), int(rng.integers(1, 9))
    features = (rng.normal(size=(n, D)) * rng.choice([0.1, 1, 10])).astype(np.float32)
    information = rng.uniform(0, 0.25, size=n) * (rng.random(n) > 0.2)
    if seed % 3 == 0:
        quarter = n // 4
        features[:quarter] = features[quarter : 2 * quarter]
        information[:quarter] = information[quarter : 2 * quarter]
    labeled = np.sort(rng.choice(n, int(rng.integers(n // 2)), replace=False))
    budget = int(rng.integers(1, min(n - len(labeled), 12) + 1))
    return features, information, labeled, budget, float(rng.choice([0.1, 1]))


@pytest.mark.parametrize("seed", draws(300))
def test_picks_equal_the_slow_twins(seed: int) -> None:
    features, information, labeled, budget, ridge = problem(seed)
    picks = greedy_design(features, information, labeled, budget, ridge=ridge)
    assert picks.tolist() == slow_twin(features, information, labeled, budget, ridge)


def test_copies_go_by_position_and_the_last_one_is_removed() -> None:
    features = np.tile(np.eye(2, dtype=np.float32)[0], (5, 1))
    picks = greedy_design(features, np.full(5, 0.25), np.array([1]), 2)
    assert picks.tolist() == [0, 2]


def test_rows_without_information_are_not_chosen() -> None:
    features = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    information = np.zeros(9)
    information[[2, 7]] = 0.2
    assert sorted(greedy_design(features, information, NONE, 5)) == [2, 7]
    assert len(greedy_design(features, np.zeros(9), NONE, 5)) == 0


def test_the_answer_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(700, 12)).astype(np.float32)
    information = rng.uniform(0, 0.25, 700)
    picks = greedy_design(features, information, NONE, 20)
    monkeypatch.setattr(fisher_design, "ROWS", 64)
    monkeypatch.setattr(fisher_design, "CACHED_ROWS", 17)
    assert np.array_equal(greedy_design(features, information, NONE, 20), picks)


@pytest.mark.parametrize("length", [0.05, 1, 300])
def test_updates_do_not_drift(length: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against an evaluation from scratch after every pick, at lengths far from the ridge."""
    rng = np.random.default_rng(2)
    spectrum = 1 / (1 + np.arange(24))
    features = (length * (3 + rng.normal(size=(500, 24))) * spectrum).astype(np.float32)
    information = rng.uniform(1e-6, 0.25, 500)
    labeled = np.arange(30)
    off: list[float] = []
    add = fisher_design._Design.add

    def compared(design: fisher_design._Design, count: int) -> np.ndarray:
        picks = add(design, count)
        leverage, gain = design.leverage.copy(), design.gain.copy()
        design._evaluate()
        off.append(float(np.abs(gain - design.gain).max() / design.gain.max()))
        off.append(float(np.abs(leverage - design.leverage).max() / design.leverage.max()))
        return picks

    monkeypatch.setattr(fisher_design._Design, "add", compared)
    picks = greedy_design(features, information, labeled, 100)
    assert max(off) < TIE
    monkeypatch.setattr(fisher_design, "UPDATES", 1)
    monkeypatch.setattr(fisher_design, "REMOVALS", 1)
    assert np.array_equal(greedy_design(features, information, labeled, 100), picks)


Matrix = list[list[Fraction]]


def plus(matrix: Matrix, row: list[Fraction], weight: Fraction) -> Matrix:
    """Add weight h h'."""
    return [[m + weight * x * y for m, y in zip(r, row, strict=True)]
            for r, x in zip(matrix, row, strict=True)]  # fmt: skip


def exact_trace(matrix: Matrix, fisher: Matrix) -> Fraction:
    """tr(M^-1 F) by elimination in fractions."""
    rows, D = [a + b for a, b in zip(matrix, fisher, strict=True)], len(matrix)
    for d in range(D):
        rows[d] = [x / rows[d][d] for x in rows[d]]
        for e in range(D):
            if e != d:
                rows[e] = [x - rows[e][d] * y for x, y in zip(rows[e], rows[d], strict=True)]
    return sum((rows[d][D + d] for d in range(D)), Fraction(0))


def exact_twin(
    features: np.ndarray, information: np.ndarray, labeled: np.ndarray, budget: int, ridge: float
) -> list[int]:
    """As slow_twin, in fractions, so that no length of the features is too much."""
    h = [[Fraction(float(x)) for x in row] for row in features]
    w, total, D = [Fraction(float(x)) for x in information], len(labeled) + budget, len(h[0])
    fisher = [[Fraction(0)] * D for _ in range(D)]
    matrix = [[Fraction(ridge) * (d == e) for e in range(D)] for d in range(D)]
    for i in range(len(h)):
        fisher = plus(fisher, h[i], w[i] / len(h))
    for i in labeled:
        matrix = plus(matrix, h[i], w[i] / total)
    added = [x * budget / total for x in w]
    left = [i for i in range(len(h)) if i not in labeled and w[i] > 0]
    picks: list[int] = []
    while left and len(picks) < 2 * budget:
        after = [exact_trace(plus(matrix, h[i], added[i]), fisher) for i in left]
        before = exact_trace(matrix, fisher)
        highest = (before - min(after)) * (1 - Fraction(TIE))
        picks.append(left.pop([before - each >= highest for each in after].index(True)))
        matrix = plus(matrix, h[picks[-1]], added[picks[-1]])
    while len(picks) > budget:
        before = exact_trace(matrix, fisher)
        rises = [exact_trace(plus(matrix, h[i], -added[i]), fisher) - before for i in picks]
        least = min(rises) * (1 + Fraction(TIE))
        removed = picks.pop(max(n for n, rise in enumerate(rises) if rise <= least))
        matrix = plus(matrix, h[removed], -added[removed])
    return picks


@pytest.mark.parametrize("length", [2.0**7, 2.0**17, 2.0**45])
@pytest.mark.parametrize("seed", draws(12))
def test_picks_of_rows_that_are_long_beside_the_ridge_are_those_of_exact_numbers(
    seed: int, length: float
) -> None:
    rng = np.random.default_rng(seed)
    n, D = int(rng.integers(3, 7)), int(rng.integers(1, 3))
    features = (length * rng.integers(-9, 10, size=(n, D))[rng.integers(n, size=n)]) / 4.0
    information = rng.integers(1, 17, n) / 64
    labeled = np.sort(rng.choice(n, int(rng.integers(n // 2)), replace=False))
    budget = int(rng.integers(1, n - len(labeled) + 1))
    longest = float((information * np.square(features).sum(axis=1)).max())
    ridge = max(1.0, fisher_design.SMALLEST_RIDGE * longest)
    picks = greedy_design(features.astype(np.float32), information, labeled, budget)
    assert picks.tolist() == exact_twin(features, information, labeled, budget, ridge)


def test_a_ridge_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="ridge must be above 0, but is 0"):
        greedy_design(np.ones((3, 1)), np.ones(3), NONE, 1, ridge=0)
