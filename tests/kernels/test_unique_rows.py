import numpy as np
import pytest

from rayal.kernels import unique_rows
from rayal.kernels.unique_rows import distinct_rows, groups_of_equals
from tests.draws import draws


def slow_twin(points: np.ndarray) -> list[int]:
    return [
        next(j for j in range(i + 1) if np.array_equal(points[j], points[i]))
        for i in range(len(points))
    ]


@pytest.mark.parametrize("seed", draws(100))
def test_each_row_is_given_the_first_row_equal_to_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d = rng.integers(1, 40), rng.integers(1, 5)
    points = rng.choice([-1.5, -0.0, 0.0, 1e-40, 3e38], size=(n, d)).astype(np.float32)
    assert distinct_rows(points).tolist() == slow_twin(points)


def test_rows_that_share_a_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    good, calls = unique_rows._hashes, []

    def bad_at_first(points: np.ndarray, factors: np.ndarray) -> np.ndarray:
        calls.append(1)
        return good(points, factors * (len(calls) > 2))

    monkeypatch.setattr(unique_rows, "_hashes", bad_at_first)
    points = np.array([[1, 2], [2, 1], [1, 2]], dtype=np.float32)
    assert distinct_rows(points).tolist() == [0, 1, 0]
    assert len(calls) == 3


def test_rows_are_compared_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique_rows, "ROWS", 3)
    points = np.arange(10, dtype=np.float32).repeat(2).reshape(-1, 1)[::-1].copy()
    assert distinct_rows(points).tolist() == slow_twin(points)


@pytest.mark.parametrize("seed", draws(30))
def test_groups_have_one_value_and_one_row_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    values = rng.choice([-0.5, 0.0, -0.0, 1e-300], size=n)
    points = rng.choice([0, 0.5, 1], size=(n, int(rng.integers(1, 4)))).astype(np.float32)
    groups = groups_of_equals(values, points)
    same = (values[:, None] == values) & (points[:, None] == points).all(axis=2)
    assert ((groups[:, None] == groups) == same).all()
    assert set(groups.tolist()) == set(range(groups.max() + 1))
