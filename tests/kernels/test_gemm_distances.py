import numpy as np
import pytest

from rayal.kernels import gemm_distances


def definition(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    difference = rows[:, None].astype(np.float64) - columns[None].astype(np.float64)
    return (difference**2).sum(axis=2)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
@pytest.mark.parametrize("D", [1, 7, 128])
def test_no_distance_is_farther_off_than_the_bound(scale: float, D: int) -> None:
    points = (scale * np.random.default_rng(D).normal(size=(300, D))).astype(np.float32)
    points[:50] = points[50:100]
    off = gemm_distances.squared_distances(points[:100], points) - definition(points[:100], points)
    assert abs(off).max() <= gemm_distances.error_bound(points)
    assert gemm_distances.error_bound(points) < 1e-3 * (points**2).sum(axis=1).max()


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
@pytest.mark.parametrize("D", [1, 7, 128])
def test_products_of_the_factors_are_distances_within_the_bound(scale: float, D: int) -> None:
    points = (scale * (3 + np.random.default_rng(D).normal(size=(300, D)))).astype(np.float32)
    points[:50] = points[50:100]
    factors = gemm_distances.left_factor(points[:100]), gemm_distances.right_factor(points)
    off = factors[0] @ factors[1].T - definition(points[:100], points)
    assert abs(off).max() <= gemm_distances.error_bound(points)


def test_exact_distances_of_pairs_are_the_definition_and_zero_for_copies() -> None:
    points = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    points[30:] = points[:30]
    first, second = np.repeat(np.arange(60), 60), np.tile(np.arange(60), 60)
    found = gemm_distances.exact(points, first, second).reshape(60, 60)
    assert np.allclose(found, definition(points, points), rtol=1e-12, atol=0)
    assert not found[np.arange(30), np.arange(30, 60)].any()


def test_chunks_cover_the_range_once() -> None:
    parts = [np.arange(10)[c] for c in gemm_distances.chunks(10, 4)]
    assert [len(part) for part in parts] == [4, 4, 2]
    assert np.array_equal(np.concatenate(parts), np.arange(10))
    assert list(gemm_distances.chunks(0)) == []
