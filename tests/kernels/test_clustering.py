import faiss
import numpy as np
import pytest

from rayal.kernels import distances
from rayal.kernels.clustering import kmeans, nearest_to_centres, unit_rows


def blobs(n: int = 90, k: int = 3, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Points around k far-apart centres, and which centre each belongs to."""
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.arange(n) % k)
    centres = 50 * rng.normal(size=(k, d))
    return (centres[truth] + rng.normal(size=(n, d))).astype(np.float32), truth


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a[:, None] == a, b[:, None] == b)


def test_kmeans_finds_clusters_that_are_far_apart() -> None:
    points, truth = blobs()
    clusters, centres = kmeans(points, 3, np.random.default_rng(1))
    assert same_partition(clusters, truth)
    for c in range(3):
        np.testing.assert_allclose(centres[c], points[clusters == c].mean(axis=0), rtol=1e-4)


def test_kmeans_uses_every_row_and_not_a_sample() -> None:
    # faiss's default keeps 256 rows a centre: a far point among 3,000 would mostly be unseen.
    points = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)
    points[1234] = 1000
    clusters, _ = kmeans(points, 2, np.random.default_rng(1), restarts=20)
    assert np.sum(clusters == clusters[1234]) == 1


@pytest.mark.parametrize("k", [1, 2, 7, 20, 21, 100])
@pytest.mark.parametrize("distinct", [1, 2, 20])
def test_no_cluster_is_empty_and_there_are_k_where_rows_suffice(k: int, distinct: int) -> None:
    rows = np.random.default_rng(0).normal(size=(distinct, 3)).astype(np.float32)
    points = np.repeat(rows, 5, axis=0)
    clusters, centres = kmeans(points, k, np.random.default_rng(1))
    expected = min(k, distinct)
    assert np.array_equal(np.unique(clusters), np.arange(expected))
    assert centres.shape == (expected, 3)
    if k >= distinct:
        assert same_partition(clusters, np.repeat(np.arange(distinct), 5))


def test_a_few_outliers_among_many_duplicates_get_clusters_of_their_own() -> None:
    points = np.zeros((500, 2), dtype=np.float32)
    points[[3, 50, 400]] = [[0, 1e-3], [1e3, 0], [0, -1e6]]
    clusters, _ = kmeans(points, 4, np.random.default_rng(0))
    assert len(np.unique(clusters)) == 4
    assert len(np.unique(clusters[[0, 3, 50, 400]])) == 4


def test_minus_zero_and_zero_are_one_row() -> None:
    points = np.array([[0.0], [-0.0], [1.0]], dtype=np.float32)
    clusters, centres = kmeans(points, 3, np.random.default_rng(0))
    assert clusters.tolist() == [0, 0, 1]
    assert len(centres) == 2


def test_more_restarts_never_give_a_worse_clustering() -> None:
    points = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)

    def inertia(restarts: int) -> float:
        found = kmeans(points, 20, np.random.default_rng(4), restarts=restarts)
        return float(distances.to_own_centre(points, *found).sum())

    assert inertia(10) < inertia(1)


def test_the_nearest_members_are_those_a_full_search_finds() -> None:
    points, _ = blobs(n=200, k=9)
    clusters, centres = kmeans(points, 9, np.random.default_rng(0))
    for c, found in enumerate(nearest_to_centres(points, clusters, centres)):
        members = np.flatnonzero(clusters == c)
        away = np.linalg.norm(points[members].astype(float) - centres[c], axis=1)
        assert found == members[np.argmin(away)]


def test_the_nearest_of_equal_members_has_the_lowest_position() -> None:
    points = np.array([[5], [1], [-1], [1]], dtype=np.float32)
    clusters = np.array([1, 0, 0, 0])
    centres = np.array([[0], [5]], dtype=np.float32)
    assert nearest_to_centres(points, clusters, centres).tolist() == [1, 0]


def test_unit_rows_have_length_one_and_zeros_stay() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(rows, np.array([[0.6, 0.8], [0, 0]]), rtol=1e-6)


def test_the_number_of_faiss_threads_is_left_alone() -> None:
    before = faiss.omp_get_max_threads()
    kmeans(blobs()[0], 3, np.random.default_rng(0))
    assert faiss.omp_get_max_threads() == before
