import numpy as np
import pytest

from rayal.kernels import sampled_clustering
from rayal.kernels.clustering import kmeans, nearest_to_centers
from rayal.kernels.distances import to_own_center
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_clustering import Clusters, assigned, sampled_kmeans


def blobs(n: int = 4000, k: int = 10) -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = 4 * rng.normal(size=(k, 6))
    return (centers[rng.integers(k, size=n)] + rng.normal(size=(n, 6))).astype(np.float32)


def test_inertia_is_near_that_of_centers_found_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_clustering, "FEWEST", 0)
    points = blobs()
    sampled = sampled_kmeans(Rows(points), 10, np.random.default_rng(0))
    exact = to_own_center(points, *kmeans(points, 10, np.random.default_rng(0))).sum()
    assert sampled.inertia < 1.03 * exact


def test_rows_are_in_the_cluster_of_the_nearest_center() -> None:
    points, centers = blobs(300), blobs(7)
    away = ((points[:, None] - centers[None]) ** 2).sum(axis=2)
    clusters = assigned(Rows(points), centers)
    assert np.array_equal(clusters.of, away.argmin(axis=1))
    assert np.allclose(clusters.to_center, away.min(axis=1), rtol=1e-5)
    assert clusters.inertia == pytest.approx(away.min(axis=1).sum())


def test_the_nearest_rows_are_those_of_the_whole_matrix_largest_cluster_first() -> None:
    points = blobs(300)
    clusters, centers = kmeans(points, 7, np.random.default_rng(0))
    nearest = nearest_to_centers(points, clusters, centers)
    expected = nearest[np.argsort(-np.bincount(clusters), kind="stable")]
    found = Clusters(clusters, centers, to_own_center(points, clusters, centers)).nearest_rows()
    assert np.array_equal(found, expected)


def test_equal_rows_leave_clusters_empty() -> None:
    points = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
    clusters = sampled_kmeans(Rows(points), 10, np.random.default_rng(0))
    assert clusters.inertia == 0
    assert len(clusters.nearest_rows()) == 3


def test_the_same_generator_gives_the_same_clusters() -> None:
    points = Rows(blobs())
    first, second = (sampled_kmeans(points, 5, np.random.default_rng(3)).of for _ in range(2))
    assert np.array_equal(first, second)
