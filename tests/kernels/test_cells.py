import numpy as np
import pytest

from rayal.kernels.cells import neighbors_in_cells, part_into_cells
from rayal.kernels.clustering import unit_rows
from rayal.kernels.rows import Rows


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def made(n: int = 600) -> np.ndarray:
    centers = rng().normal(size=(12, 5))
    return unit_rows(centers[rng().integers(12, size=n)] + 0.3 * rng().normal(size=(n, 5)))


def brute_force(points: np.ndarray, k: int) -> np.ndarray:
    cosines = points.astype(float) @ points.T
    np.fill_diagonal(cosines, -np.inf)
    return np.sort(np.argsort(-cosines, axis=1)[:, :k], axis=1)


def test_every_row_is_in_one_cell_of_bounded_size() -> None:
    points = made()
    points[:300] = points[0]
    parted = part_into_cells(Rows(points), rng(), 20)
    assert np.array_equal(np.sort(np.concatenate(parted.members)), np.arange(600))
    sizes = list(map(len, parted.members))
    assert 1 <= min(sizes) <= max(sizes) <= 80
    assert len(parted.centers) == len(sizes)


def test_cells_near_a_cell_include_itself() -> None:
    parted = part_into_cells(Rows(made()), rng(), 20)
    for cell in range(len(parted.members)):
        near = parted.near(cell, 3)
        assert cell in near
        assert len(set(near.tolist())) == 3


def test_with_all_cells_probed_the_neighbors_are_those_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part_into_cells, "__defaults__", (20,))
    points = made()
    neighbors, cosines = neighbors_in_cells(Rows(points), 4, rng(), probed=1000)
    assert np.array_equal(np.sort(neighbors, axis=1), brute_force(points, 4))
    expected = np.einsum("nd,nkd->nk", points, points[neighbors])
    assert np.allclose(cosines, expected, atol=1e-5)


def test_few_cells_hold_most_neighbors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_into_cells, "__defaults__", (40,))
    points = made()
    neighbors, _ = neighbors_in_cells(Rows(points), 4, rng(), probed=4)
    pairs = zip(neighbors, brute_force(points, 4), strict=True)
    assert np.mean([len(set(found) & set(true)) / 4 for found, true in pairs]) > 0.9


def test_cells_with_too_few_rows_leave_neighbors_out() -> None:
    neighbors, cosines = neighbors_in_cells(Rows(made(3)), 5, rng())
    assert np.array_equal(neighbors[:, 2:], np.full((3, 3), -1))
    assert not cosines[:, 2:].any()
    assert [sorted(row[:2].tolist()) for row in neighbors] == [[1, 2], [0, 2], [0, 1]]


def test_copies_have_one_another_for_neighbors() -> None:
    points = np.repeat(unit_rows(np.eye(4, dtype=np.float32)), 3, axis=0)
    neighbors, _ = neighbors_in_cells(Rows(points), 2, rng())
    for row, found in enumerate(neighbors):
        others = {3 * (row // 3), 3 * (row // 3) + 1, 3 * (row // 3) + 2} - {row}
        assert set(found.tolist()) == others
