import numpy as np
import pytest
from scipy.sparse import csr_array

from rayal.kernels.clustering import unit_rows
from rayal.kernels.facility_location import greedy_facility_location
from rayal.kernels.neighbor_graph import nearest_neighbors, symmetric_graph, two_hop_kernel
from rayal.kernels.two_hop_kernel import TwoHopKernel


def graph_and_kernel(seed: int, n: int = 80, k: int = 5) -> tuple[csr_array, csr_array]:
    points = unit_rows(np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32))
    neighbors = nearest_neighbors(points, k)
    cosines = np.einsum("nd,nkd->nk", points.astype(float), points[neighbors].astype(float))
    return symmetric_graph(neighbors, cosines), two_hop_kernel(points, k)


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_those_of_the_kernel_in_memory(seed: int) -> None:
    graph, kernel = graph_and_kernel(seed)
    lazy = TwoHopKernel(graph)
    for row in range(80):
        dense = np.zeros(80)
        columns, values = lazy.row(row)
        dense[columns] = values
        assert np.allclose(dense, kernel[[row]].toarray()[0], atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_sums_bound_those_of_the_rows_closely(seed: int) -> None:
    graph, kernel = graph_and_kernel(seed)
    sums = kernel.sum(axis=1)
    bounds = TwoHopKernel(graph).sums()
    assert (bounds >= sums).all()
    assert np.allclose(bounds, sums, rtol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_the_greedy_choice_is_that_of_the_kernel_in_memory(seed: int) -> None:
    graph, kernel = graph_and_kernel(seed)
    labeled = np.arange(seed % 4)
    whole = greedy_facility_location(kernel, labeled, 40)
    lazy = greedy_facility_location(TwoHopKernel(graph), labeled, 40)
    assert np.array_equal(lazy.positions, whole.positions)
    assert lazy.value == pytest.approx(whole.value, abs=1e-6)
    assert lazy.bound >= lazy.value


def test_rows_without_neighbors_add_nothing() -> None:
    lazy = TwoHopKernel(csr_array((3, 3), dtype=float))
    assert len(greedy_facility_location(lazy, np.array([], dtype=np.int64), 3).positions) == 0
