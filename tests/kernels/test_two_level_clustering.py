import numpy as np
import pytest

from rayal.kernels import two_level_clustering as two_level
from rayal.kernels.clustering import kmeans
from rayal.kernels.distances import to_own_center
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_clustering import Clusters
from rayal.kernels.two_level_clustering import two_level_kmeans


def blobs(n: int = 6000, k: int = 150, D: int = 8) -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(k, D))
    spread = rng.uniform(0.1, 0.5, size=k)
    of = rng.integers(k, size=n)
    return (centers[of] + spread[of, None] * rng.normal(size=(n, D))).astype(np.float32)


def test_inertia_is_near_that_of_one_level() -> None:
    points = blobs()
    found = two_level_kmeans(Rows(points), 400, np.random.default_rng(0))
    plain = to_own_center(points, *kmeans(points, 400, np.random.default_rng(0))).sum()
    assert len(found.centers) == 400
    assert found.inertia < 1.03 * plain
    np.testing.assert_allclose(
        found.to_center, ((points - found.centers[found.of]) ** 2).sum(axis=1), rtol=1e-4
    )


def test_nearly_every_row_is_in_the_cluster_nearest_to_it() -> None:
    points = blobs()
    found = two_level_kmeans(Rows(points), 400, np.random.default_rng(0))
    away = ((points[:, None] - found.centers[None]) ** 2).sum(axis=2)
    assert np.mean(found.of == away.argmin(axis=1)) > 0.95


def test_rows_that_look_at_all_cells_find_the_nearest_center(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points, centers, cells = blobs(500), blobs(90)[50:], blobs(7)
    away = ((points[:, None] - centers[None]) ** 2).sum(axis=2)
    monkeypatch.setattr(two_level, "PROBES", 7)
    np.testing.assert_array_equal(two_level._nearest(points, cells, centers), away.argmin(axis=1))


def test_a_row_whose_cells_have_no_center_looks_at_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(two_level, "PROBES", 1)
    cells = np.array([[0.0, 0], [9, 0]], np.float32)
    centers = np.array([[8.0, 0], [10, 0]], np.float32)
    rows = np.array([[0.0, 0], [11, 0]], np.float32)
    assert two_level._nearest(rows, cells, centers).tolist() == [0, 1]


@pytest.mark.parametrize("k", [6, 7, 20, 59, 60])
def test_cells_share_the_clusters_by_their_inertia(k: int) -> None:
    of = np.repeat([0, 2, 3, 5], [2, 8, 30, 20])
    rng = np.random.default_rng(k)
    cells = Clusters(of, np.zeros((6, 1), np.float32), rng.random(60, dtype=np.float32))
    used = np.unique(of)
    shares = two_level._shares(cells, used, k)
    assert shares.sum() == k
    assert (shares >= 1).all()
    assert (shares <= np.bincount(of)[used]).all()
    if k == 20:
        part = np.bincount(of, weights=cells.to_center)[used] / cells.to_center.sum()
        assert np.abs(shares - part * k).max() < 2


def test_centers_move_to_the_means_of_their_rows() -> None:
    points, centers = blobs(100), blobs(6)
    of = np.array([0, 1, 3, 5])[np.arange(100) % 4]
    moved = two_level._means(points, of, centers)
    for number, center in enumerate(centers):
        own = points[of == number]
        expected = own.mean(axis=0) if len(own) else center
        np.testing.assert_allclose(moved[number], expected, rtol=1e-5)


def test_equal_rows_leave_clusters_out() -> None:
    points = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
    found = two_level_kmeans(Rows(points), 16, np.random.default_rng(0))
    assert found.inertia == 0
    assert len(found.nearest_rows()) == 3


def test_the_same_generator_gives_the_same_clusters() -> None:
    rows = Rows(blobs(2000))
    first, second = (two_level_kmeans(rows, 100, np.random.default_rng(3)).of for _ in range(2))
    np.testing.assert_array_equal(first, second)
