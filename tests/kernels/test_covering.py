from itertools import combinations

import faiss
import numpy as np
import pytest

from rayal.kernels import cuda, row_blocks
from rayal.kernels.covering import greedy_k_center
from tests.draws import draws

NONE = np.array([], dtype=np.int64)


def slow_twin(points: np.ndarray, centers: list[int], budget: int) -> list[int]:
    """The definition: a matrix of all distances, and a new look at all of it for each pick."""
    away = np.linalg.norm(points[:, None].astype(float) - points[None].astype(float), axis=2)
    centers = list(centers)
    start = len(centers)
    for _ in range(budget):
        nearest = away[:, centers].min(axis=1)
        nearest[centers] = -1
        centers.append(int(nearest.argmax()))
    return centers[start:]


def radius(points: np.ndarray, centers: np.ndarray) -> float:
    away = np.linalg.norm(points[:, None] - points[None, centers], axis=2)
    return float(away.min(axis=1).max())


@pytest.mark.parametrize("seed", range(3))
def test_picks_equal_the_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(200, 6)).astype(np.float32)
    labeled = np.sort(rng.choice(200, 9, replace=False))
    picks = greedy_k_center(points, labeled, 40, rng)
    assert picks.tolist() == slow_twin(points, labeled.tolist(), 40)


def test_ties_go_to_the_lowest_position() -> None:
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
    picks = greedy_k_center(grid.astype(np.float32), np.array([12]), 24, np.random.default_rng(0))
    assert picks.tolist() == slow_twin(grid, [12], 24)
    assert picks[:4].tolist() == [0, 4, 20, 24]


@pytest.mark.parametrize("seed", range(5))
def test_greedy_centers_cover_within_twice_the_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(12, 2)).astype(np.float32)
    best = min(radius(points, np.array(centers)) for centers in combinations(range(12), 3))
    found = radius(points, greedy_k_center(points, NONE, 3, rng))
    assert best <= found + 1e-6
    assert found <= 2 * best + 1e-6


def test_without_labels_the_first_center_is_drawn_and_the_rest_are_farthest() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    starts = set()
    for seed in range(20):
        picks = greedy_k_center(points, NONE, 10, np.random.default_rng(seed)).tolist()
        assert picks[1:] == slow_twin(points, picks[:1], 9)
        starts.add(picks[0])
    assert len(starts) > 10


def test_copies_of_a_labeled_point_come_last() -> None:
    points = (1000 + np.random.default_rng(0).normal(size=(40, 5))).astype(np.float32)
    points[20:30] = points[0]
    picks = greedy_k_center(points, np.array([0]), 39, np.random.default_rng(0))
    assert picks[-10:].tolist() == list(range(20, 30))


def test_a_larger_budget_goes_on_where_a_smaller_one_ended() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    small, large = (greedy_k_center(points, NONE, b, np.random.default_rng(1)) for b in (5, 50))
    assert np.array_equal(large[:5], small)
    assert np.array_equal(np.sort(large), np.arange(50))


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("seed", draws(120))
def test_small_problems_equal_the_slow_twins_ties_and_duplicates_included(
    seed: int, device: str | None
) -> None:
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(2, 30)), int(rng.integers(1, 14))
    points = rng.integers(3, size=(n, d)).astype(np.float32)
    labeled = np.sort(rng.choice(n, rng.integers(1, n), replace=False))
    budget = n - len(labeled)
    picks = greedy_k_center(points, labeled, budget, rng, device=device)
    assert picks.tolist() == slow_twin(points, labeled.tolist(), budget)


@pytest.mark.parametrize("rows", [2, 7])
def test_torch_gives_the_same_picks_in_blocks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "BLOCK_NUMBERS", 4 * rows)
    points = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    plain, torch = (
        greedy_k_center(points, NONE, 50, np.random.default_rng(1), device=device)
        for device in (None, "cpu")
    )
    assert np.array_equal(torch, plain)


def test_small_matrices_stay_where_they_are() -> None:
    assert cuda.worthwhile_device(1000, 128) is None


@pytest.mark.parametrize("width", [1, 4, 8, 12, 17])
def test_the_number_of_threads_does_not_matter(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "WORTH_THREADS", 0)
    monkeypatch.setattr(row_blocks, "ROWS", (64, 1))
    points = np.random.default_rng(0).normal(size=(1001, width)).astype(np.float32)
    answers = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(faiss, "omp_get_max_threads", lambda threads=threads: threads)
        answers.append(greedy_k_center(points, NONE, 200, np.random.default_rng(1)).tolist())
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("width", [2, 3, 4, 8, 12, 16])
def test_far_from_the_origin_no_duplicate_is_chosen_while_others_are_left(width: int) -> None:
    rng = np.random.default_rng(0)
    rows = (1e4 + rng.normal(size=(40, width))).astype(np.float32)
    points = rows[rng.permutation(np.repeat(np.arange(40), 5))]
    first = np.unique(points, axis=0, return_index=True)[1]
    picks = greedy_k_center(points, first[:7], 33, rng)
    assert len(np.unique(points[np.concatenate([picks, first[:7]])], axis=0)) == 40


@pytest.mark.parametrize("kind", [np.float16, np.float64, ">f4"])
def test_any_float_and_layout_will_do_and_inputs_are_not_written(kind: object) -> None:
    points = np.random.default_rng(0).integers(9, size=(30, 6)).astype(np.float32)
    other = np.asfortranarray(points.astype(kind))[:, ::-1]
    other.flags.writeable = points.flags.writeable = False
    labeled = np.array([4, 9])
    labeled.flags.writeable = False
    rng = np.random.default_rng(0)
    found = greedy_k_center(other, labeled, 28, rng)
    assert np.array_equal(found, greedy_k_center(points, labeled, 28, rng))


def test_a_budget_beyond_what_is_left_is_refused() -> None:
    with pytest.raises(ValueError, match="a budget of 3 is not between 1 and the 2 images"):
        greedy_k_center(np.eye(3), np.array([1]), 3, np.random.default_rng(0))
