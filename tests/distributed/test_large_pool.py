"""100,000 rows in shards: the choices of one machine, or nearly as good ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool
from rayal.distributed.selecting import ShardSelection, select_from_shards
from rayal.kernels import balance, clustering, uncertainty
from rayal.kernels.covering import greedy_k_center
from rayal.seeds import generator
from rayal.storage.shards import Batch, write_shards
from rayal.strategies.typiclust import typiclust

pytestmark = pytest.mark.slow

N, D, C, SHARDS = 100_000, 8, 4, 7
RNG = np.random.default_rng(3)
CENTERS = 2 * RNG.standard_normal((40, D), dtype=np.float32)
X = CENTERS[RNG.integers(len(CENTERS), size=N)] + RNG.standard_normal((N, D), dtype=np.float32)
UNIT = clustering.unit_rows(X)
PROBS = RNG.dirichlet([0.5, 0.5, 1, 2], N).astype(np.float32)
EMPTY = Pool(X, np.full(N, UNLABELED), C)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    write_shards(folder, batches(), rows_per_shard=-(-N // SHARDS))
    return folder


def batches() -> Iterator[Batch]:
    for start in range(0, N, 10_000):
        rows = slice(start, start + 10_000)
        yield Batch([str(i) for i in range(start, start + 10_000)], X[rows], PROBS[rows])


def chosen(place: Path, name: str, budget: int, **params: Any) -> ShardSelection:
    return select_from_shards(place, name, budget, seed=1, **params)


def inertia(positions: np.ndarray) -> float:
    """The mean squared distance of unit-length rows to the nearest that was chosen."""
    return float(2 - 2 * (UNIT @ UNIT[positions].T).max(axis=1).mean(dtype=np.float64))


def test_k_center_is_that_of_one_machine(place: Path) -> None:
    expected = greedy_k_center(X, np.empty(0, np.int64), 50, generator("shards", 1))
    np.testing.assert_array_equal(chosen(place, "k_center", 50).positions, expected)


def test_the_smallest_margins_are_those_of_one_machine(place: Path) -> None:
    margins = uncertainty.negative_margin(PROBS.astype(np.float64))
    expected = np.sort(margins)[::-1][:500]
    np.testing.assert_array_equal(margins[chosen(place, "margin", 500).positions], expected)


def test_the_balance_is_no_worse_than_that_of_one_machine(place: Path) -> None:
    costs = -uncertainty.negative_margin(PROBS.astype(np.float64))
    shards = chosen(place, "margin", 200, class_balanced=1.0)
    one = balance.solve(costs, PROBS, np.full(C, 200 / C), 200, 1.0)
    assert shards.figures["objective"] <= one.objective * (1 + 1e-3)


def test_k_means_lies_as_near_as_that_of_one_machine(place: Path) -> None:
    of, centers = clustering.kmeans(UNIT, 100, np.random.default_rng(0), restarts=1)
    one = float(np.square(UNIT - centers[of]).sum(dtype=np.float64))
    assert chosen(place, "kmeans", 100).figures["inertia"] <= 1.03 * one


def test_typiclust_covers_as_well_as_that_of_one_machine(place: Path) -> None:
    one = typiclust(EMPTY, 100, np.random.default_rng(0), restarts=1)
    assert inertia(chosen(place, "typiclust", 100).positions) <= 1.05 * inertia(one)


def test_coverage_is_worth_nearly_what_the_choice_from_all_rows_is(place: Path) -> None:
    many = np.random.default_rng(0).choice(N, 1000, replace=False)
    kernel = UNIT[many] @ UNIT[many].T
    covered, picks = np.zeros(len(many), np.float32), []
    for _ in range(10):
        picks.append(int(np.maximum(kernel - covered, 0).sum(axis=1).argmax()))
        covered = np.maximum(covered, kernel[picks[-1]])
    undivided = float((UNIT @ UNIT[many[picks]].T).max(axis=1).clip(0).mean(dtype=np.float64))
    assert chosen(place, "facility_location", 10).figures["value"] >= 0.99 * undivided
