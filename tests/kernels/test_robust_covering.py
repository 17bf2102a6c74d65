from itertools import combinations

import numpy as np
import pytest

from rayal.kernels import robust_covering
from rayal.kernels.covering import greedy_k_center
from rayal.kernels.robust_covering import robust_k_center
from tests.draws import draws

NONE = np.array([], dtype=np.int64)


def radius(points: np.ndarray, centers: list[int], outliers: int) -> float:
    away = np.sqrt(((points[:, None] - points[None, centers]) ** 2).sum(axis=2)).min(axis=1)
    return float(np.sort(away)[::-1][outliers]) if outliers < len(away) else 0.0


def best_radius(points: np.ndarray, labeled: list[int], budget: int, outliers: int) -> float:
    """Of all sets of centers."""
    free = [i for i in range(len(points)) if i not in labeled]
    return min(
        radius(points, [*labeled, *chosen], outliers) for chosen in combinations(free, budget)
    )


@pytest.mark.parametrize("seed", draws(200))
def test_the_radius_is_the_smallest_of_all_sets_of_centers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, budget, outliers = int(rng.integers(5, 13)), int(rng.integers(1, 4)), int(rng.integers(3))
    points = rng.normal(size=(n, 2)).astype(np.float32)
    if seed % 3 == 0:
        points = points.round()  # ties and duplicates
    labeled = np.sort(rng.choice(n, rng.integers(0, 3), replace=False))
    found = robust_k_center(points, labeled, budget, rng, outliers=outliers)
    assert len(np.unique(found)) == budget
    assert not np.isin(found, labeled).any()
    exact = points.astype(float)
    centers = [*labeled, *found]
    best = best_radius(exact, labeled.tolist(), budget, outliers)
    assert radius(exact, centers, outliers) == pytest.approx(best, rel=1e-5, abs=1e-6)


def test_an_outlier_is_left_out_where_that_is_allowed() -> None:
    points = np.array([[0], [1], [2], [1000]], dtype=np.float32)
    rng = np.random.default_rng(0)
    assert robust_k_center(points, NONE, 1, rng, outliers=1).tolist() == [1]
    assert 3 in robust_k_center(points, NONE, 2, rng, outliers=0)


def test_the_radius_is_never_above_the_greedy_one_even_without_nodes_to_look_at() -> None:
    points = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    for seed in range(3):
        greedy = greedy_k_center(points, NONE, 6, np.random.default_rng(seed))
        for limit in (1, 1000):
            found = robust_k_center(
                points, NONE, 6, np.random.default_rng(seed), outliers=0, node_limit=limit
            )
            exact = points.astype(float)
            assert radius(exact, list(found), 0) <= radius(exact, list(greedy), 0) + 1e-6


def test_the_greedy_answer_stands_where_nothing_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robust_covering, "_centers_within", lambda *_: None)
    points = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    found = robust_k_center(points, NONE, 4, np.random.default_rng(1), outliers=1)
    greedy = greedy_k_center(points, NONE, 4, np.random.default_rng(1))
    assert found.tolist() == sorted(greedy)


def test_the_same_answer_comes_again() -> None:
    points = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    first, second = (
        robust_k_center(points, NONE, 5, np.random.default_rng(1), outliers=1) for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("labeled", [NONE, np.array([2, 5])])
def test_all_that_is_left_and_all_equal_rows_are_answered(labeled: np.ndarray) -> None:
    points, rng = np.zeros((9, 1)), np.random.default_rng(0)
    points.flags.writeable = False
    left = np.setdiff1d(np.arange(9), labeled)
    for budget in (1, len(left)):
        found = robust_k_center(points, labeled, budget, rng, outliers=0)
        assert len(np.unique(found)) == budget
        assert np.isin(found, left).all()


def test_a_pool_with_too_many_pairs_is_refused_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(robust_covering, "MAX_PAIRS", 1000)
    points = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(
        ValueError, match=r"more than 1,000 pairs of the 100 images .* use k_center"
    ):
        robust_k_center(points, NONE, 1, np.random.default_rng(0), outliers=0)
