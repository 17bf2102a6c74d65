from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import csr_array

from rayal.kernels.facility_location import greedy_facility_location
from tests.draws import draws

NONE = np.array([], dtype=np.int64)


def kernel(seed: int, n: int | None = None) -> np.ndarray:
    """Whole numbers of 1/64, most of them 0, so that ties are exact and frequent."""
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(2, 40))
    half = np.triu(rng.integers(0, 65, size=(n, n)) * (rng.random((n, n)) < 0.2)) / 64
    return np.asarray(np.maximum(half, half.T))


def value(k: np.ndarray, chosen: list[int]) -> float:
    return float(k[:, chosen].max(axis=1).sum()) if chosen else 0.0


def slow_twin(k: np.ndarray, labeled: list[int], budget: int) -> list[int]:
    chosen = list(labeled)
    for _ in range(budget):
        gains = [value(k, [*chosen, j]) - value(k, chosen) for j in range(len(k))]
        best = max((gain, -j) for j, gain in enumerate(gains) if j not in chosen)
        if best[0] == 0:
            break
        chosen.append(-best[1])
    return chosen[len(labeled) :]


@pytest.mark.parametrize("seed", draws(300))
def test_picks_equal_the_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = kernel(seed)
    labeled = np.sort(rng.choice(len(k), int(rng.integers(len(k))), replace=False))
    budget = int(rng.integers(1, len(k) - len(labeled) + 1))
    found = greedy_facility_location(csr_array(k), labeled, budget)
    assert found.positions.tolist() == slow_twin(k, labeled.tolist(), budget)
    gained = value(k, [*labeled, *found.positions]) - value(k, labeled.tolist())
    assert found.value == gained


@pytest.mark.parametrize("seed", draws(60))
def test_no_choice_is_above_the_bound(seed: int) -> None:
    k = kernel(seed, 9)
    found = greedy_facility_location(csr_array(k), np.array([0]), 3)
    best = max(value(k, [0, *each]) for each in combinations(range(1, 9), 3)) - value(k, [0])
    assert found.value <= best <= found.bound
    assert 1 - 1 / np.e <= found.ratio <= 1
    assert found.ratio * best <= found.value + 1e-12


def test_a_choice_whose_optimum_is_certain_says_so() -> None:
    found = greedy_facility_location(csr_array(np.eye(5)), NONE, 3)
    assert (found.positions.tolist(), found.value, found.ratio) == ([0, 1, 2], 3.0, 1.0)


def test_without_any_kernel_nothing_is_chosen() -> None:
    found = greedy_facility_location(csr_array(np.zeros((4, 4))), NONE, 2)
    assert (len(found.positions), found.value, found.ratio) == (0, 0.0, 1.0)
