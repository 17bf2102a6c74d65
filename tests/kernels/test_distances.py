import numpy as np
import pytest

from rayal.kernels import distances

FAR = np.float32(1000)  # from the origin, where x.x - 2 x.c + c.c loses its digits


def points(n: int = 3000, d: int = 7) -> np.ndarray:
    return (FAR + np.random.default_rng(0).normal(size=(n, d))).astype(np.float32)


def obvious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(((a.astype(float) - b.astype(float)) ** 2).sum(axis=-1))


def test_distances_to_one_center_equal_the_obvious_ones_far_from_the_origin() -> None:
    x = points()
    np.testing.assert_allclose(distances.to_one_center(x, x[5]), obvious(x, x[5]), rtol=1e-4)


def test_a_duplicate_has_the_distance_zero() -> None:
    x = points()
    x[[7, 2999]] = x[100]
    zero = np.flatnonzero(distances.to_one_center(x, x[100]) == 0)
    assert zero.tolist() == [7, 100, 2999]


def test_distances_to_own_centers_equal_the_obvious_ones() -> None:
    x = points()
    own = np.random.default_rng(1).integers(3, size=len(x))
    found = distances.to_own_center(x, own, x[:3])
    np.testing.assert_allclose(found, obvious(x, x[own]), rtol=1e-4)


def test_the_nearest_center_is_the_one_a_full_search_finds() -> None:
    x = points() - FAR
    matrix = obvious(x[:, None], x[None, :40])
    assert np.array_equal(distances.nearest_center(x, x[:40]), matrix.argmin(axis=1))


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 8, 12, 16, 33])
def test_equal_rows_have_equal_distances_wherever_they_stand(width: int) -> None:
    x, order = points(n=101, d=width), np.random.default_rng(1).permutation(101)
    away, shuffled = (distances.to_one_center(rows, x[3]) for rows in (x, x[order]))
    assert np.array_equal(away[order], shuffled)
    assert away[3] == 0


def test_distances_to_the_nearest_are_those_a_full_search_finds() -> None:
    x = points()
    found = distances.to_nearest(x, x[:40])
    np.testing.assert_allclose(found, obvious(x[:, None], x[None, :40]).min(axis=1), rtol=1e-4)
    assert not found[:40].any()


def test_inner_products_equal_the_obvious_ones() -> None:
    x = points()
    found = distances.inner_products(x, x[9])
    np.testing.assert_allclose(found, x.astype(float) @ x[9].astype(float), rtol=1e-5)
