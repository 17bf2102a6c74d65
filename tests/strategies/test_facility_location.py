import numpy as np

from rayal.contracts import UNLABELED, Pool
from rayal.kernels.clustering import unit_rows
from rayal.kernels.facility_location import greedy_facility_location
from rayal.kernels.neighbor_graph import two_hop_kernel
from rayal.strategies.facility_location import facility_location


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(known: list[int], n: int = 60) -> Pool:
    labels = np.full(n, UNLABELED)
    labels[known] = 0
    return Pool(rng().normal(size=(n, 5)).astype(np.float32), labels, 3)


def test_the_choice_is_greedy_on_the_graph_of_unit_length_features() -> None:
    given = pool([4, 9])
    kernel = two_hop_kernel(unit_rows(given.features), 7)
    expected = greedy_facility_location(kernel, given.labeled, 12).positions
    assert np.array_equal(facility_location(given, 12, rng(), neighbors=7), expected)


def test_images_that_add_nothing_follow_by_chance() -> None:
    given = pool([])
    first, second = (facility_location(given, 60, rng(i)) for i in range(2))
    assert sorted(first) == sorted(second) == list(range(60))
    assert not np.array_equal(first, second)
    assert np.array_equal(facility_location(given, 5, rng()), first[:5])


def test_few_images_have_fewer_neighbors() -> None:
    assert sorted(facility_location(pool([], 4), 4, rng())) == [0, 1, 2, 3]
    assert facility_location(pool([], 1), 1, rng()).tolist() == [0]
