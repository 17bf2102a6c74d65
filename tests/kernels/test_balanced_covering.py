import numpy as np
import pytest

from rayal.kernels.covering import balanced_k_center, greedy_k_center
from tests.draws import draws

NONE = np.array([], dtype=np.int64)


def slow_twin(
    points: np.ndarray,
    centers: list[int],
    budget: int,
    probs: np.ndarray,
    target: np.ndarray,
    weight: float,
) -> list[int]:
    """Algorithm 2 with its matrix of distances, and all that is chosen summed anew each time."""
    away = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    picks: list[int] = []
    for _ in range(budget):
        chosen = probs[picks].sum(axis=0)
        cost = [
            -away[i, centers].min() + weight * np.abs(target - chosen - probs[i]).sum()
            for i in range(len(points))
        ]
        free = [i for i in range(len(points)) if i not in centers]
        picks.append(min(free, key=lambda i: (cost[i], i)))
        centers = [*centers, picks[-1]]
    return picks


def problem(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, c = int(rng.integers(4, 25)), int(rng.integers(2, 5))
    points = rng.normal(size=(n, rng.integers(1, 5))).astype(np.float32)
    points[n // 2] = points[0]
    probs = rng.dirichlet(np.full(c, 0.3), size=n).astype(np.float32)
    probs[n // 2] = probs[0]
    labeled = np.sort(rng.choice(n, rng.integers(1, 3), replace=False))
    return {"points": points, "probs": probs, "labeled": labeled, "target": rng.random(c) * 4}


@pytest.mark.parametrize("weight", [0, 0.05, 0.5, 100])
@pytest.mark.parametrize("seed", draws(60))
def test_picks_equal_the_slow_twins(seed: int, weight: float) -> None:
    p = problem(seed)
    budget = len(p["points"]) - len(p["labeled"])
    rng = np.random.default_rng(0)
    found = balanced_k_center(
        p["points"],
        p["labeled"],
        budget,
        rng,
        probs=p["probs"],
        target=p["target"],
        weight=weight,
    )
    points, probs = p["points"].astype(float), p["probs"].astype(float)
    labeled = p["labeled"].tolist()
    assert found.tolist() == slow_twin(points, labeled, budget, probs, p["target"], weight)


@pytest.mark.parametrize("labeled", [NONE, np.array([3])])
def test_a_weight_of_zero_is_greedy_k_center(labeled: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    points = rng.integers(4, size=(60, 2)).astype(np.float32)
    probs, budget = rng.dirichlet(np.ones(3), size=60), 60 - len(labeled)
    plain = greedy_k_center(points, labeled, budget, np.random.default_rng(1))
    found = balanced_k_center(
        points,
        labeled,
        budget,
        np.random.default_rng(1),
        probs=probs,
        target=np.ones(3),
        weight=0,
    )
    assert np.array_equal(found, plain)


def test_a_large_weight_brings_the_classes_that_are_wanted() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], [90, 10])
    found = balanced_k_center(
        rng.normal(size=(100, 3)),
        np.array([0]),
        10,
        rng,
        probs=np.eye(2)[truth],
        target=np.array([3, 7]),
        weight=100,
    )
    assert np.bincount(truth[found]).tolist() == [3, 7]


def test_without_labels_what_the_drawn_one_is_counts_against_the_target() -> None:
    points, probs = np.zeros((4, 1)), np.eye(2)[[0, 0, 1, 1]]
    for seed in range(8):
        found = balanced_k_center(
            points,
            NONE,
            2,
            np.random.default_rng(seed),
            probs=probs,
            target=np.ones(2),
            weight=1,
        )
        assert probs[found].sum(axis=0).tolist() == [1, 1]


def test_a_negative_weight_and_a_budget_too_large_are_refused() -> None:
    rng, probs, target = np.random.default_rng(0), np.ones((3, 1)), np.ones(1)
    with pytest.raises(ValueError, match="weight of the class balance is -1; it must be at least"):
        balanced_k_center(np.eye(3), NONE, 2, rng, probs=probs, target=target, weight=-1)
    with pytest.raises(ValueError, match="a budget of 4 is not between 1 and the 3 images"):
        balanced_k_center(np.eye(3), NONE, 4, rng, probs=probs, target=target, weight=1)
