import numpy as np
import pytest

from rayal.kernels import lazy_covering
from rayal.kernels.clustering import unit_rows
from rayal.kernels.covering import greedy_k_center
from rayal.kernels.lazy_covering import lazy_k_center
from rayal.kernels.rows import Rows

NONE = np.array([], dtype=np.int64)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy_covering, "FRONT", (5, 5))
    monkeypatch.setattr(lazy_covering, "FIRST", 3)
    monkeypatch.setattr(lazy_covering, "CENTERS_AT_ONCE", 4)


@pytest.mark.parametrize("seed", range(100))
def test_picks_are_those_of_all_distances_ties_and_duplicates_included(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(2, 60)), int(rng.integers(1, 14))
    points = rng.integers(3, size=(n, d)).astype(np.float32)
    labeled = np.sort(rng.choice(n, rng.integers(0, n), replace=False))
    for budget in (1, n - len(labeled)):
        plain = greedy_k_center(points, labeled, budget, np.random.default_rng(seed))
        lazy = lazy_k_center(Rows(points), labeled, budget, np.random.default_rng(seed))
        assert lazy.tolist() == plain.tolist()


@pytest.mark.parametrize("width", [2, 8, 12, 31])
def test_picks_on_rows_of_unit_length_are_the_same_too(width: int) -> None:
    points = np.random.default_rng(width).normal(size=(700, width)).astype(np.float32)
    plain = greedy_k_center(unit_rows(points), NONE, 300, np.random.default_rng(1))
    lazy = lazy_k_center(Rows(points, unit=True), NONE, 300, np.random.default_rng(1))
    assert lazy.tolist() == plain.tolist()


def test_most_distances_are_never_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy_covering, "FRONT", (32, 32))
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5000, 8)).astype(np.float32) * rng.pareto(2, (5000, 1))
    counted = []
    plain = lazy_covering.distances.to_nearest

    def to_nearest(rows: np.ndarray, centers: np.ndarray) -> np.ndarray:
        counted.append(len(rows) * len(centers))
        return plain(rows, centers)

    monkeypatch.setattr(lazy_covering.distances, "to_nearest", to_nearest)
    lazy_k_center(Rows(points.astype(np.float32)), NONE, 100, rng)
    assert sum(counted) < 5000 * 100 / 4


def test_of_rows_that_are_as_far_no_more_are_read_than_are_kept_in_front() -> None:
    read = []

    class Noted(Rows):
        def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
            read.append(len(range(*rows.indices(300))) if isinstance(rows, slice) else len(rows))
            return super().__getitem__(rows)

    copies = np.repeat(np.eye(4, dtype=np.float32), 75, axis=0)
    rows = Noted(copies)
    picks = lazy_k_center(rows, np.array([0]), 20, np.random.default_rng(0))
    assert picks.tolist() == [75, 150, 225, *range(1, 18)]
    assert sorted(read)[-2] <= 5 * 64  # rows brought up to date in one go; the first pass read all


@pytest.mark.parametrize("front", [1, 8, 64, 600])
def test_picks_do_not_depend_on_how_many_are_in_front(
    front: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy_covering, "FRONT", (front, front))
    rng = np.random.default_rng(front)
    points = (rng.integers(5, size=(30, 40)) + 0.1 * rng.integers(3, size=(600, 1, 40))).reshape(
        -1, 40
    )[rng.permutation(18000)[:600]]
    labeled = np.sort(rng.choice(600, 70, replace=False))
    plain = greedy_k_center(points.astype(np.float32), labeled, 200, rng)
    lazy = lazy_k_center(Rows(points.astype(np.float32)), labeled, 200, rng)
    assert lazy.tolist() == plain.tolist()


def test_a_budget_that_the_pool_cannot_meet_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and the 3 images"):
        lazy_k_center(Rows(np.eye(4)), np.array([0]), 4, np.random.default_rng(0))
