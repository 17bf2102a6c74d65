import numpy as np
import pytest

from rayal.kernels import typicality
from rayal.kernels.typicality import MeanBounds, most_typical
from tests.draws import draws


def slow_twin(points: np.ndarray, k: int) -> int:
    """The definition: all distances of each row, sorted, the first k others averaged."""
    means = []
    for i, point in enumerate(points.astype(np.float64)):
        others = np.delete(points.astype(np.float64), i, axis=0)
        squared = np.sort(((others - point) ** 2).sum(axis=1))[:k]
        means.append(np.sqrt(squared).mean())
    return int(np.argmin(means))


@pytest.mark.parametrize("seed", draws(300))
def test_the_most_typical_row_is_the_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, D = rng.integers(2, 60), rng.integers(2, 9)
    points = (rng.normal(size=(n, D)) + 10 * (seed % 3)).astype(np.float32)
    k = int(rng.integers(1, n))
    assert most_typical(points, k) == slow_twin(points, k)


@pytest.mark.parametrize("seed", draws(50))
def test_ties_go_to_the_lowest_position(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(4, size=(40, 2)).astype(np.float32)
    k = int(rng.integers(1, 20))
    assert most_typical(points, k) == slow_twin(points, k)


def test_on_a_line_the_row_in_the_middle_is_most_typical() -> None:
    line = np.array([[0], [1], [10], [11], [12], [20], [30]], dtype=np.float32)
    assert most_typical(line, 2) == 3


def test_more_rows_than_one_block_give_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    monkeypatch.setattr("rayal.kernels.typicality.BLOCK", 1)
    assert most_typical(points, 20) == slow_twin(points, 20)


@pytest.mark.parametrize("seed", draws(100))
def test_rows_taken_one_after_another_are_those_of_a_fresh_look_at_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(20, 60)), int(rng.integers(1, 9))
    values = rng.integers(3, size=(n, 3)) if seed % 2 else rng.normal(size=(n, 3))
    points, lower = values.astype(np.float32), np.full(n, -np.inf)
    for _ in range(n - k - 1):
        place = most_typical(points, k, lower)
        assert place == most_typical(points, k)
        points, lower = np.delete(points, place, axis=0), np.delete(lower, place)


def test_a_later_look_works_out_few_means_again(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    lower = np.full(400, -np.inf)
    place = most_typical(points, 20, lower)
    points, lower = np.delete(points, place, axis=0), np.delete(lower, place)
    worked_out: list[int] = []
    plain = typicality._mean_distance

    def noted(points: np.ndarray, position: int, k: int) -> float:
        worked_out.append(position)
        return plain(points, position, k)

    monkeypatch.setattr(typicality, "_mean_distance", noted)
    most_typical(points, 20, lower)
    assert 0 < len(worked_out) < 100


@pytest.mark.parametrize("seed", draws(30))
def test_bounds_of_one_number_of_neighbors_serve_no_other(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(40, 3)).astype(np.float32)
    bounds, members = MeanBounds(40), np.arange(40)
    while len(members) > 1:
        k = min(10, len(members) // 2)
        place = bounds.most_typical(points[members], members, k)
        assert place == most_typical(points[members], k)
        members = np.delete(members, place)
