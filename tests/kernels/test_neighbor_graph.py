import numpy as np
import pytest

from rayal.kernels import neighbor_graph
from rayal.kernels.clustering import unit_rows
from rayal.kernels.neighbor_graph import nearest_neighbors, two_hop_kernel
from tests.draws import draws


def points(seed: int, n: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(3, 40))
    return unit_rows(rng.normal(size=(n, 6)) + 3 * rng.normal(size=(4, 6))[rng.integers(4, size=n)])


def slow_neighbors(features: np.ndarray, k: int) -> list[set[int]]:
    x = features.astype(np.float64)
    away = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    np.fill_diagonal(away, np.inf)
    return [set(row[:k].tolist()) for row in np.argsort(away, axis=1, kind="stable")]


def slow_kernel(features: np.ndarray, k: int) -> np.ndarray:
    x = features.astype(np.float64)
    graph = np.zeros((len(x), len(x)))
    for i, near in enumerate(slow_neighbors(features, k)):
        for j in near:
            graph[i, j] = graph[j, i] = max(x[i] @ x[j], 0)
    degrees = graph.sum(axis=1)
    scale = np.array([d**-0.5 if d > 0 else 0 for d in degrees])
    graph *= scale[:, None] * scale[None]
    return graph + graph @ graph


@pytest.mark.parametrize("seed", draws(100))
def test_neighbors_and_kernel_equal_the_slow_twins(seed: int) -> None:
    features = points(seed)
    k = 1 + seed % min(10, len(features) - 1)
    found = nearest_neighbors(features, k)
    assert [set(row.tolist()) for row in found] == slow_neighbors(features, k)
    kernel = two_hop_kernel(features, k).toarray()
    assert np.allclose(kernel, slow_kernel(features, k), rtol=0, atol=1e-8)
    assert np.array_equal(kernel, kernel.T)


def test_a_row_is_not_its_own_neighbor_among_copies() -> None:
    features = points(0, 12)
    features[:8] = features[8]
    found = nearest_neighbors(features, 3)
    assert not (found == np.arange(12)[:, None]).any()


def test_cells_find_nearly_all_neighbors(monkeypatch: pytest.MonkeyPatch) -> None:
    features = points(1, 3000)
    exact = nearest_neighbors(features, 10)
    monkeypatch.setattr(neighbor_graph, "EXACT", 1000)
    found = nearest_neighbors(features, 10)
    shared = [len(set(a) & set(b)) for a, b in zip(exact.tolist(), found.tolist(), strict=True)]
    assert np.mean(shared) > 9.5
    kernel = two_hop_kernel(features, 10)
    assert kernel.shape == (3000, 3000)
