import numpy as np
import pytest

from rayal.kernels.fisher_design import TIE, greedy_design
from rayal.kernels.multinomial_design import greedy_multinomial_design
from tests.draws import draws

NONE = np.array([], dtype=np.int64)


def slow_twin(
    features: np.ndarray, probs: np.ndarray, labeled: np.ndarray, budget: int
) -> list[int]:
    """Information matrices as Kronecker products, the traces of inverses one after another."""
    h = features.astype(np.float64)
    each = np.array(
        [
            np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
            for p, x in zip(probs, h, strict=True)
        ]
    )
    fisher, total = each.mean(axis=0), len(labeled) + budget
    matrix = np.eye(len(fisher)) + each[labeled].sum(axis=0) / total
    added = each * budget / total

    def trace(m: np.ndarray) -> float:
        return float(np.trace(np.linalg.solve(m, fisher)))

    left = [i for i in range(len(h)) if i not in labeled and probs[i].max() < 1]
    picks: list[int] = []
    while left and len(picks) < 2 * budget:
        before = trace(matrix)
        falls = np.array([before - trace(matrix + added[i]) for i in left])
        picks.append(left.pop(int(np.argmax(falls >= falls.max() * (1 - TIE)))))
        matrix += added[picks[-1]]
    while len(picks) > budget:
        rises = np.array([trace(matrix - added[i]) for i in picks])
        matrix -= added[picks.pop(int(rises.argmin()))]
    return picks


@pytest.mark.parametrize("seed", draws(100))
def test_picks_equal_the_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, D, C = int(rng.integers(6, 24)), int(rng.integers(1, 4)), int(rng.integers(2, 4))
    features = rng.normal(size=(n, D)).astype(np.float32)
    probs = rng.dirichlet(np.ones(C), size=n)
    probs[0] = np.eye(C)[0]
    labeled = np.sort(rng.choice(n, int(rng.integers(n // 2)), replace=False))
    budget = int(rng.integers(1, min(n - len(labeled), 5) + 1))
    picks = greedy_multinomial_design(features, probs, labeled, budget)
    assert picks.tolist() == slow_twin(features, probs, labeled, budget)


def test_with_two_classes_both_likelihoods_choose_alike() -> None:
    """X'X is then p (1 - p) h h' in the one direction (1, -1) of the classes, of length 2."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(80, 5)).astype(np.float32)
    probs = rng.dirichlet(np.ones(2), size=80)
    labeled = np.arange(7)
    binary = greedy_design(features, 2 * probs[:, 0] * probs[:, 1], labeled, 10)
    assert np.array_equal(greedy_multinomial_design(features, probs, labeled, 10), binary)


def test_too_many_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="C D = 1040 dimensions, more than 1024; use likelihood"):
        greedy_multinomial_design(np.ones((3, 520)), np.full((3, 2), 0.5), NONE, 1)


@pytest.mark.parametrize("seed", draws(30))
def test_images_are_distinct_however_long_their_features_are(seed: int) -> None:
    """Rounding makes rises of the trace negative there, of which none is the least."""
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(10, 3)) * 10.0 ** rng.integers(4, 16)).astype(np.float32)
    probs = rng.dirichlet(np.ones(3), size=10)
    budget = int(rng.integers(1, 11))
    picks = greedy_multinomial_design(features, probs, NONE, budget)
    assert len(np.unique(picks)) == budget
