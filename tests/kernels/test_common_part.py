from collections.abc import Callable

import numpy as np
import pytest

from rayal.kernels import cells, clustering, distances, sampled_clustering
from rayal.kernels.common_part import LARGE, large_common_part, without
from rayal.kernels.neighbor_graph import nearest_neighbors
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_clustering import sampled_kmeans
from rayal.kernels.two_level_clustering import two_level_kmeans
from tests.draws import draws

FAR = 4096.0  # in each of 256 dimensions, of numbers that differ by one


def points(n: int = 600, d: int = 256, seed: int = 0) -> np.ndarray:
    """Rows in clusters, whole multiples of 1 / 1024: far from zero they are the same to the bit."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(12, d))
    rows = centers[rng.integers(12, size=n)] + rng.normal(size=(n, d))
    return (np.rint(rows * 1024) / 1024).astype(np.float32)


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_what_is_common_is_the_mean_where_it_is_long() -> None:
    near = points()
    assert large_common_part(near) is None
    assert without(near, None) is near
    far = near + np.float32(FAR)
    common = large_common_part(far)
    assert common is not None
    np.testing.assert_allclose(common, far.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(without(far, common), near - near.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize("seed", draws(20))
def test_it_is_long_from_ten_deviations_on(seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(50, 3)).astype(np.float32)
    rows += np.float32(np.random.default_rng(seed).uniform(5, 15))
    mean = rows.astype(float).mean(axis=0)
    deviation = ((rows - mean) ** 2).sum(axis=1).mean()
    assert (large_common_part(rows) is not None) == (mean @ mean > LARGE * deviation)


def test_one_row_and_equal_rows_are_common_throughout() -> None:
    for n in (1, 5):
        rows = np.full((n, 2), 3, dtype=np.float32)
        assert not without(rows, large_common_part(rows)).any()


def test_neighbors_and_nearest_centers_are_those_that_they_are_near_zero() -> None:
    near = points()
    far = near + np.float32(FAR)
    own = distances.nearest_center(near, near[:40])
    assert np.array_equal(distances.nearest_center(far, far[:40]), own)
    beside, moved = (np.sort(nearest_neighbors(rows, 5), axis=1) for rows in (near, far))
    assert (beside == moved).mean() > 0.999  # all but ties


def inertia(rows: np.ndarray, of: np.ndarray) -> float:
    means = np.array([rows[of == c].mean(axis=0, dtype=np.float64) for c in np.unique(of)])
    return float(((rows - means[np.unique(of, return_inverse=True)[1]]) ** 2).sum())


@pytest.mark.parametrize(
    "cluster",
    [
        lambda rows: clustering.kmeans(rows, 12, rng())[0],
        lambda rows: clustering.weighted_kmeans(rows, 12, rng(), np.ones(len(rows)))[0],
        lambda rows: sampled_kmeans(Rows(rows), 12, rng()).of,
        lambda rows: two_level_kmeans(Rows(rows), 36, rng()).of,
    ],
    ids=["kmeans", "weighted_kmeans", "sampled_kmeans", "two_level_kmeans"],
)
def test_clusters_are_as_good_as_near_zero(
    cluster: Callable[[np.ndarray], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampled_clustering, "FEWEST", 200)
    near = points()
    there = inertia(near, cluster(near + np.float32(FAR)))
    assert there == pytest.approx(inertia(near, cluster(near)), rel=0.02)


def test_neighbors_in_cells_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clustering.unit_rows(points(400) + np.float32(FAR))
    exact = rows.astype(float)
    away = ((exact[:, None] - exact) ** 2).sum(axis=2)
    np.fill_diagonal(away, np.inf)
    monkeypatch.setattr(cells.part_into_cells, "__defaults__", (50,))
    found, cosines = cells.neighbors_in_cells(Rows(rows), 3, rng(), probed=100)
    nearest = np.argsort(away, axis=1)[:, :3]
    assert (np.sort(found, axis=1) == np.sort(nearest, axis=1)).mean() > 0.98
    np.testing.assert_allclose(cosines, 1, atol=1e-6)
