from itertools import combinations

import numpy as np
import pytest

from rayal.kernels.covering import greedy_k_center

NONE = np.array([], dtype=np.int64)


def slow_twin(points: np.ndarray, centres: list[int], budget: int) -> list[int]:
    """The definition: a matrix of all distances, and a new look at all of it for each pick."""
    away = np.linalg.norm(points[:, None].astype(float) - points[None].astype(float), axis=2)
    centres = list(centres)
    start = len(centres)
    for _ in range(budget):
        nearest = away[:, centres].min(axis=1)
        nearest[centres] = -1
        centres.append(int(nearest.argmax()))
    return centres[start:]


def radius(points: np.ndarray, centres: np.ndarray) -> float:
    away = np.linalg.norm(points[:, None] - points[None, centres], axis=2)
    return float(away.min(axis=1).max())


@pytest.mark.parametrize("seed", range(3))
def test_picks_equal_the_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(200, 6)).astype(np.float32)
    labelled = np.sort(rng.choice(200, 9, replace=False))
    picks = greedy_k_center(points, labelled, 40, rng)
    assert picks.tolist() == slow_twin(points, labelled.tolist(), 40)


def test_ties_go_to_the_lowest_position() -> None:
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
    picks = greedy_k_center(grid.astype(np.float32), np.array([12]), 24, np.random.default_rng(0))
    assert picks.tolist() == slow_twin(grid, [12], 24)
    assert picks[:4].tolist() == [0, 4, 20, 24]


@pytest.mark.parametrize("seed", range(5))
def test_greedy_centres_cover_within_twice_the_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(12, 2)).astype(np.float32)
    best = min(radius(points, np.array(centres)) for centres in combinations(range(12), 3))
    found = radius(points, greedy_k_center(points, NONE, 3, rng))
    assert best <= found + 1e-6
    assert found <= 2 * best + 1e-6


def test_without_labels_the_first_centre_is_drawn_and_the_rest_are_farthest() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    starts = set()
    for seed in range(20):
        picks = greedy_k_center(points, NONE, 10, np.random.default_rng(seed)).tolist()
        assert picks[1:] == slow_twin(points, picks[:1], 9)
        starts.add(picks[0])
    assert len(starts) > 10


def test_copies_of_a_labelled_point_come_last() -> None:
    points = (1000 + np.random.default_rng(0).normal(size=(40, 5))).astype(np.float32)
    points[20:30] = points[0]
    picks = greedy_k_center(points, np.array([0]), 39, np.random.default_rng(0))
    assert picks[-10:].tolist() == list(range(20, 30))


def test_a_larger_budget_goes_on_where_a_smaller_one_ended() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    small, large = (greedy_k_center(points, NONE, b, np.random.default_rng(1)) for b in (5, 50))
    assert np.array_equal(large[:5], small)
    assert np.array_equal(np.sort(large), np.arange(50))
