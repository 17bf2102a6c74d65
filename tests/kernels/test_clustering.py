import faiss
import numpy as np
import pytest

from rayal.kernels import clustering, distances
from rayal.kernels.clustering import kmeans, nearest_to_centers, unit_rows, weighted_kmeans
from tests.draws import draws


def blobs(n: int = 90, k: int = 3, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Points around k far-apart centers, and which center each belongs to."""
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.arange(n) % k)
    centers = 50 * rng.normal(size=(k, d))
    return (centers[truth] + rng.normal(size=(n, d))).astype(np.float32), truth


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a[:, None] == a, b[:, None] == b)


def test_kmeans_finds_clusters_that_are_far_apart() -> None:
    points, truth = blobs()
    clusters, centers = kmeans(points, 3, np.random.default_rng(1))
    assert same_partition(clusters, truth)
    for c in range(3):
        np.testing.assert_allclose(centers[c], points[clusters == c].mean(axis=0), rtol=1e-4)


def test_kmeans_uses_every_row_and_not_a_sample() -> None:
    # faiss's default keeps 256 rows a center: a far point among 3,000 would mostly be unseen.
    points = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)
    points[1234] = 1000
    clusters, _ = kmeans(points, 2, np.random.default_rng(1), restarts=20)
    assert np.sum(clusters == clusters[1234]) == 1


@pytest.mark.parametrize("k", [1, 2, 7, 20, 21, 100])
@pytest.mark.parametrize("distinct", [1, 2, 20])
def test_no_cluster_is_empty_and_there_are_k_where_rows_suffice(k: int, distinct: int) -> None:
    rows = np.random.default_rng(0).normal(size=(distinct, 3)).astype(np.float32)
    points = np.repeat(rows, 5, axis=0)
    clusters, centers = kmeans(points, k, np.random.default_rng(1))
    expected = min(k, distinct)
    assert np.array_equal(np.unique(clusters), np.arange(expected))
    assert centers.shape == (expected, 3)
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
    clusters, centers = kmeans(points, 3, np.random.default_rng(0))
    assert clusters.tolist() == [0, 0, 1]
    assert len(centers) == 2


def test_more_restarts_never_give_a_worse_clustering() -> None:
    points = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)

    def inertia(restarts: int) -> float:
        found = kmeans(points, 20, np.random.default_rng(4), restarts=restarts)
        return float(distances.to_own_center(points, *found).sum())

    assert inertia(10) < inertia(1)


def test_the_nearest_members_are_those_a_full_search_finds() -> None:
    points, _ = blobs(n=200, k=9)
    clusters, centers = kmeans(points, 9, np.random.default_rng(0))
    for c, found in enumerate(nearest_to_centers(points, clusters, centers)):
        members = np.flatnonzero(clusters == c)
        away = np.linalg.norm(points[members].astype(float) - centers[c], axis=1)
        assert found == members[np.argmin(away)]


def test_the_nearest_of_equal_members_has_the_lowest_position() -> None:
    points = np.array([[5], [1], [-1], [1]], dtype=np.float32)
    clusters = np.array([1, 0, 0, 0])
    centers = np.array([[0], [5]], dtype=np.float32)
    assert nearest_to_centers(points, clusters, centers).tolist() == [1, 0]


def test_unit_rows_have_length_one_and_zeros_stay() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(rows, np.array([[0.6, 0.8], [0, 0]]), rtol=1e-6)


def test_the_number_of_faiss_threads_is_left_alone() -> None:
    before = faiss.omp_get_max_threads()
    kmeans(blobs()[0], 3, np.random.default_rng(0))
    assert faiss.omp_get_max_threads() == before


def slow_fill(points: np.ndarray, clusters: np.ndarray, k: int) -> list[int]:
    """One empty cluster at a time takes the farthest row of those whose cluster can spare it."""
    rows = [tuple(row) for row in points.tolist()]
    own = [int(clusters[rows.index(row)]) for row in rows]
    own = [sorted(set(own)).index(c) for c in own]
    means = [points[np.equal(own, c)].mean(axis=0) for c in sorted(set(own))]
    # Distances of float32, as they are used: two rows are equally far from their common mean.
    away = distances.to_own_center(points.astype(np.float32), np.array(own), np.float32(means))
    for empty in range(len(set(own)), min(k, len(set(rows)))):
        givable = [
            i
            for i in range(len(rows))
            if len({rows[j] for j in range(len(rows)) if own[j] == own[i]}) > 1
        ]
        taken = max(givable, key=lambda i: (away[i], -i))
        for i in range(len(rows)):
            if rows[i] == rows[taken]:
                own[i] = empty
    return own


@pytest.mark.parametrize("seed", draws(150))
def test_empty_clusters_are_filled_as_the_slow_twin_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 25)), int(rng.integers(3, 9))
    points = rng.normal(size=(12, 2)).astype(np.float32)[rng.integers(12, size=n)]
    clusters = rng.choice([0, 2, 5], size=n)
    clusters = clusters[[np.flatnonzero((points == row).all(axis=1))[0] for row in points]]
    found = clustering._fill_empty_clusters(points, clusters, k)
    assert found.tolist() == slow_fill(points.astype(float), clusters, k)


@pytest.mark.parametrize("k", [1, 30, 400])
def test_the_number_of_threads_does_not_matter(k: int) -> None:
    points = np.random.default_rng(0).normal(size=(5000, 16)).astype(np.float32)
    before, answers = faiss.omp_get_max_threads(), []
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        answers.append(kmeans(points, k, np.random.default_rng(1), restarts=1, iterations=4))
    faiss.omp_set_num_threads(before)
    assert np.array_equal(answers[0][0], answers[1][0])
    assert np.array_equal(answers[0][1], answers[1][1])


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_any_float_and_layout_will_do_and_inputs_are_not_written(kind: type) -> None:
    points = np.random.default_rng(0).integers(9, size=(60, 3)).astype(np.float32)
    other = np.asfortranarray(points.astype(kind))
    other.flags.writeable = points.flags.writeable = False
    plain, converted = (kmeans(x, 5, np.random.default_rng(0)) for x in (points, other))
    assert np.array_equal(plain[0], converted[0])
    weights = np.ones(60)
    weights.flags.writeable = False
    weighted_kmeans(other, 5, np.random.default_rng(0), weights)
    unit_rows(other)


def test_unit_rows_of_some_positions() -> None:
    rows = np.array([[3, 4], [5, 0], [0, 2]], dtype=np.float32)
    found = unit_rows(rows, np.array([2, 0]))
    np.testing.assert_allclose(found, [[0, 1], [0.6, 0.8]], rtol=1e-6)
    assert rows[0].tolist() == [3, 4]


def test_rows_with_weight_pull_the_center_and_rows_without_do_not() -> None:
    points, truth = blobs()
    weights = np.random.default_rng(1).random(90)
    weights[::4] = 0
    clusters, centers = weighted_kmeans(points, 3, np.random.default_rng(0), weights)
    assert same_partition(clusters, truth)
    for c in range(3):
        own = clusters == c
        mean = np.average(points[own].astype(float), axis=0, weights=weights[own])
        np.testing.assert_allclose(centers[c], mean, rtol=1e-4)


@pytest.mark.parametrize("seed", draws(20))
def test_whole_weights_find_what_repeated_rows_would(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.sort(rng.normal(size=(9, 1)), axis=0).astype(np.float32)
    weights = rng.integers(1, 6, size=9)
    clusters, centers = weighted_kmeans(points, 2, rng, weights, restarts=100)
    found = weights @ distances.to_own_center(points, clusters, centers)
    cuts = []
    for cut in range(1, 9):  # in one dimension the best clusters are neighbors
        cost = 0.0
        for half in (slice(0, cut), slice(cut, 9)):
            mean = np.average(points[half, 0], weights=weights[half])
            cost += float(weights[half] @ (points[half, 0] - mean) ** 2)
        cuts.append(cost)
    assert found <= min(cuts) * 1.001 + 1e-6


def test_only_the_ratio_of_weights_counts() -> None:
    points, weights = blobs()[0], np.random.default_rng(1).random(90)
    plain, tiny = (
        weighted_kmeans(points, 7, np.random.default_rng(0), w) for w in (weights, weights * 2e-60)
    )
    assert np.array_equal(plain[0], tiny[0])


@pytest.mark.parametrize("k", [1, 2, 4, 9])
def test_weights_of_zero_and_duplicates_still_give_k_clusters(k: int) -> None:
    points = np.repeat(np.eye(4, dtype=np.float32), 3, axis=0)
    for weights in (np.zeros(12), np.arange(12) < 2):
        clusters, centers = weighted_kmeans(points, k, np.random.default_rng(0), weights * 1.0)
        assert np.array_equal(np.unique(clusters), np.arange(min(k, 4)))
        assert np.isfinite(centers).all()


def test_what_cannot_be_clustered_is_refused() -> None:
    points, rng = np.eye(3, dtype=np.float32), np.random.default_rng(0)
    with pytest.raises(ValueError, match="asked for 0 clusters; ask for at least 1"):
        kmeans(points, 0, rng)
    with pytest.raises(ValueError, match="asked for 0 clusters"):
        weighted_kmeans(points, 0, rng, np.ones(3))
    for bad in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"the weight of row 1 is .*finite and at least 0"):
            weighted_kmeans(points, 2, rng, np.array([1, bad, 1]))
