import numpy as np
import pytest

from rayal.kernels import near_duplicates
from rayal.kernels.clustering import unit_rows
from rayal.kernels.near_duplicates import representatives, representatives_in_cells
from rayal.kernels.rows import Rows
from tests.draws import draws


def slow_twin(features: np.ndarray, threshold: float) -> list[int]:
    x = features.astype(np.float64)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
    near = x @ x.T >= threshold
    np.fill_diagonal(near, False)
    standing: list[int] = [-1] * len(x)
    for row in sorted(range(len(x)), key=lambda i: (-near[i].sum(), i)):
        if standing[row] < 0:
            standing[row] = row
            for other in np.flatnonzero(near[row]):
                if standing[other] < 0:
                    standing[other] = row
    return standing


def bundles(seed: int) -> tuple[np.ndarray, float]:
    """Rows in bundles of several widths, some copies, a row of zeros."""
    rng = np.random.default_rng(seed)
    n, D = int(rng.integers(2, 70)), int(rng.integers(1, 6))
    centers = rng.normal(size=(int(rng.integers(1, 9)), D))
    bundle = rng.integers(len(centers), size=n)
    points = centers[bundle] + rng.uniform(0, 0.5, size=(n, 1)) * rng.normal(size=(n, D))
    points[: n // 5] = points[n // 5 : 2 * (n // 5)]
    points[-1] = 0
    return unit_rows(points), float(rng.choice([0.5, 0.9, 0.98]))


@pytest.mark.parametrize("seed", draws(300))
def test_representatives_equal_the_slow_twins(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:
        monkeypatch.setattr(near_duplicates, "ROWS", 4)
        monkeypatch.setattr(near_duplicates, "COLUMNS", 5)
    features, threshold = bundles(seed)
    assert representatives(features, threshold).tolist() == slow_twin(features, threshold)


def test_the_row_with_the_most_neighbors_stands_first() -> None:
    angles = np.deg2rad([0, 8, 16, 24, 90])  # a chain: neighbors are at most 10 degrees apart
    features = unit_rows(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert representatives(features, np.cos(np.deg2rad(10))).tolist() == [1, 1, 1, 3, 4]


def test_copies_are_neighbors_at_any_threshold() -> None:
    features = unit_rows(np.random.default_rng(0).normal(size=(1, 300)).repeat(4, axis=0))
    assert representatives(features, 0.9999999).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("threshold", [0, 1, -0.5, float("nan")])
def test_a_threshold_that_is_no_cosine_between_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        representatives(np.eye(2, dtype=np.float32), threshold)


def test_in_cells_all_but_bundles_across_borders_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near_duplicates, "CELL", 100)
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(size=(400, 8)), 3, axis=0) + 0.01 * rng.normal(size=(1200, 8))
    features = unit_rows(points.astype(np.float32))
    whole = representatives(features, 0.98)
    standing = representatives_in_cells(Rows(features), 0.98)
    assert np.array_equal(standing[standing], standing)
    assert np.mean(standing == whole) > 0.95


def test_one_cell_is_the_whole() -> None:
    points, threshold = bundles(3)
    features = unit_rows(points.astype(np.float32))
    expected = representatives(features, threshold)
    assert np.array_equal(representatives_in_cells(Rows(features), threshold), expected)
