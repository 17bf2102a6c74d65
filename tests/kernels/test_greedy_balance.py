"""Greedy choices whose gains are weighed against the balance of the classes."""

import numpy as np
import pytest

from rayal.kernels.greedy_balance import ClassBalance
from rayal.kernels.herding import balanced_herding, greedy_herding
from rayal.kernels.seeding import gradient_k_means_pp
from rayal.kernels.typicality import most_typical, typicality
from tests.draws import draws

SIGMA = 0.8


def problem(seed: int, n: int = 30, C: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3)).astype(np.float32)
    points[n // 2] = points[0]
    return points, rng.dirichlet(np.full(C, 0.3), size=n).astype(np.float32), rng.random(C) * 4


def cost(probs: np.ndarray, target: np.ndarray, picks: list[int], row: int) -> float:
    chosen = probs[[*picks, row]].astype(float).sum(axis=0)
    return float(np.abs(target - chosen).sum())


@pytest.mark.parametrize("weight", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("seed", draws(8))
def test_balanced_herding_equals_the_slow_twin(seed: int, weight: float) -> None:
    points, probs, target = problem(seed)
    labeled = [3, 17]
    kernel = np.exp(-((points[:, None] - points[None]) ** 2).sum(axis=2) / SIGMA**2)
    balance = ClassBalance(probs, target, weight)
    found = balanced_herding(points, np.array(labeled), 12, SIGMA, balance)
    picks: list[int] = []
    for pick in found.tolist():
        covered = kernel[:, labeled + picks].max(axis=1)
        gains = np.maximum(kernel - covered[:, None], 0).sum(axis=0)
        values = [gains[i] - weight * cost(probs, target, picks, i) for i in range(len(points))]
        free = [i for i in range(len(points)) if i not in labeled + picks]
        assert values[pick] >= max(values[i] for i in free) - 1e-4
        picks.append(pick)
    assert len(set(picks + labeled)) == 14


def test_a_weight_of_zero_is_greedy_herding() -> None:
    points, probs, target = problem(1)
    points[15] += 1  # no copies
    found = balanced_herding(points, np.array([2]), 10, SIGMA, ClassBalance(probs, target, 0.0))
    assert np.array_equal(found, greedy_herding(points, np.array([2]), 10, SIGMA))


def test_a_balanced_draw_by_gradients_follows_distances_and_what_classes_lack() -> None:
    """The second choice of many, held against its chances, worked out from the definition."""
    hidden, probs, target = problem(2, n=5)
    residuals = np.random.default_rng(3).normal(size=(5, 3)).astype(np.float32)
    gradients = (residuals[:, :, None] * hidden[:, None, :]).reshape(5, -1).astype(float)
    weight = 0.4
    length = (gradients**2).sum(axis=1)
    costs = [cost(probs, target, [], row) for row in range(5)]
    first = int(np.argmax(np.log(length) - weight * np.array(costs)))
    away = ((gradients - gradients[first]) ** 2).sum(axis=1)
    odds = away * np.exp([-weight * cost(probs, target, [first], row) for row in range(5)])
    odds[first] = 0
    seconds = []
    for seed in range(2000):
        balance = ClassBalance(probs, target, weight)
        rng = np.random.default_rng(seed)
        found = gradient_k_means_pp(hidden, residuals, 2, rng, balance)
        assert found[0] == first
        seconds.append(found[1])
    share = np.bincount(seconds, minlength=5) / 2000
    assert np.abs(share - odds / odds.sum()).max() < 0.05  # five standard deviations


def test_copies_come_last_in_a_balanced_draw_and_by_what_classes_lack() -> None:
    probs = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    same = np.ones((4, 3), dtype=np.float32)
    balance = ClassBalance(probs, np.array([1.0, 3.0]), 1.0)
    found = gradient_k_means_pp(same, np.ones((4, 2)), 4, np.random.default_rng(0), balance)
    assert found.tolist()[:2] == [0, 3]
    assert sorted(found) == [0, 1, 2, 3]


def test_typicality_is_largest_where_an_image_is_most_typical() -> None:
    points = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    values = typicality(points, 5)
    assert values.argmax() == most_typical(points, 5)
    away = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    assert np.allclose(values, 1 / np.sort(away, axis=1)[:, 1:6].mean(axis=1), rtol=1e-5)
    assert typicality(np.ones((4, 2), np.float32), 2).tolist() == [1, 1, 1, 1]


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight of the class balance is -1; it must be at least"):
        ClassBalance(np.eye(2), np.ones(2), -1)
