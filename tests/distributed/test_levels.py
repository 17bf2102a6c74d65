"""Choices in two levels, against those of the whole pool."""

from pathlib import Path

import numpy as np
import pytest

from rayal.distributed.coverage import _shuffled, coverage, greedy, similarity
from rayal.distributed.kmeans import kmeans
from rayal.distributed.local import LocalExecutor
from rayal.distributed.row_keys import row_keys
from rayal.distributed.typiclust import typiclust
from rayal.kernels import clustering, distances
from rayal.storage.shard_set import ShardSet
from tests.distributed.pools import N, X, write_pool

NONE = np.empty(0, np.int64)
UNIT = clustering.unit_rows(X)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return write_pool(tmp_path_factory.mktemp("pool"), 5)


def cover_value(positions: np.ndarray, radius: float | None) -> float:
    return float(similarity(UNIT, UNIT[positions], radius).max(axis=1).mean(dtype=np.float64))


def slow_greedy(columns: np.ndarray, covered: np.ndarray, budget: int) -> list[int]:
    picks: list[int] = []
    for _ in range(budget):
        gains = [np.maximum(c - covered, 0).sum(dtype=np.float64) for c in columns]
        gains = [-1.0 if i in picks else gain for i, gain in enumerate(gains)]
        picks.append(int(np.argmax(gains)))
        covered = np.maximum(covered, columns[picks[-1]])
    return picks


def test_lazy_greedy_is_greedy() -> None:
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 64, (40, 200)).astype(np.float32) / 64  # sums are exact: real ties
    covered = rng.integers(0, 32, 200).astype(np.float32) / 64
    assert greedy(columns, covered, 12).tolist() == slow_greedy(columns, covered, 12)


def test_rows_that_cover_as_much_are_not_taken_by_position(pool: ShardSet) -> None:
    """In balls that hold their centers alone; by position they would be of the first shard."""
    chosen = coverage(LocalExecutor(), pool, NONE, 60, 1, 1e-3)
    assert 0.4 * N < chosen.positions.mean() < 0.6 * N


def test_lazy_greedy_ends_where_nothing_adds_anything() -> None:
    columns = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert greedy(columns, np.zeros(2, np.float32), 3).tolist() == [0, 2]


@pytest.mark.parametrize("radius", [None, 0.6])
def test_coverage_in_levels_is_near_that_of_the_undivided_choice(
    pool: ShardSet, radius: float | None
) -> None:
    executor = LocalExecutor()
    whole = coverage(executor, pool, NONE, 20, 1, radius, part=N)
    two = coverage(executor, pool, NONE, 20, 1, radius, part=300)
    three = coverage(executor, pool, NONE, 20, 1, radius, part=60)
    assert [each.levels for each in (whole, two, three)] == [1, 2, 4]
    undivided = cover_value(
        greedy(similarity(UNIT, UNIT, radius), np.zeros(N, np.float32), 20), radius
    )
    assert whole.value == pytest.approx(undivided, rel=1e-5)
    for each in (whole, two, three):
        assert each.value == pytest.approx(cover_value(each.positions, radius), rel=1e-5)
        assert each.value >= each.bound * undivided
    assert two.value >= 0.95 * undivided
    assert whole.bound == pytest.approx(1 - 1 / np.e)
    assert two.bound == pytest.approx((1 - 1 / np.e) / 2)


def test_rows_of_every_part_are_chosen_alike(pool: ShardSet) -> None:
    shares = []
    for seed in range(5):
        order = np.argsort(row_keys(seed, 0, N), kind="stable")
        chosen = coverage(LocalExecutor(), pool, NONE, 60, seed, part=200).positions
        shares.append([np.isin(part, chosen).sum() for part in np.array_split(order, 8)])
    of_each = np.sum(shares, axis=0) / (5 * 60)  # an eighth, with a deviation of .02
    assert of_each.min() > 0.05
    assert of_each.max() < 0.2


def test_seeds_beside_one_another_draw_other_parts_and_samples_at_every_level() -> None:
    positions = np.arange(50)
    drawn = [_shuffled(positions, seed, level) for seed in range(3) for level in range(1, 4)]
    drawn += [np.argsort(row_keys(seed, 0, 50), kind="stable") for seed in range(3)]
    assert len({tuple(order.tolist()) for order in drawn}) == 12


def test_what_is_labeled_is_covered_already(pool: ShardSet) -> None:
    labeled = coverage(LocalExecutor(), pool, NONE, 10, 1, 0.6, part=N).positions
    later = coverage(LocalExecutor(), pool, np.sort(labeled), 10, 1, 0.6, part=300)
    assert not set(later.positions) & set(labeled)
    both = np.concatenate([labeled, later.positions])
    assert later.value == pytest.approx(cover_value(both, 0.6), rel=1e-5)
    assert later.value > cover_value(labeled, 0.6)


def test_a_covered_pool_is_filled_up_at_random(pool: ShardSet) -> None:
    found = coverage(LocalExecutor(), pool, NONE, 30, 1, 2.0, part=200)
    assert len(set(found.positions)) == 30


def test_a_budget_that_fills_the_parts_is_refused(pool: ShardSet) -> None:
    with pytest.raises(ValueError, match="ask for at most 50"):
        coverage(LocalExecutor(), pool, NONE, 51, 1, part=100)


def test_clusters_are_as_tight_as_those_of_one_machine(pool: ShardSet) -> None:
    ours = [kmeans(LocalExecutor(), pool, NONE, 12, np.random.default_rng(s)) for s in range(4)]
    alone = [clustering.kmeans(X, 12, np.random.default_rng(s), restarts=1) for s in range(4)]
    clusters, centers = clustering.kmeans(UNIT, 12, np.random.default_rng(0), restarts=20)
    best = float(distances.to_own_center(UNIT, clusters, centers).sum(dtype=np.float64))
    assert alone
    assert np.mean([each.inertia for each in ours]) <= 1.25 * best
    for each in ours:
        away = ((UNIT[:, None] - each.centers[None]) ** 2).sum(axis=2)
        assert each.inertia == pytest.approx(away.min(axis=1).sum(), rel=1e-4)
        np.testing.assert_array_equal(each.sizes, np.bincount(away.argmin(axis=1), minlength=12))
        own = np.where(away.argmin(axis=1)[:, None] == np.arange(12), away, np.inf)
        nearest = own.min(axis=0)
        np.testing.assert_allclose(own[each.nearest, np.arange(12)], nearest, rtol=1e-4)


def test_clusters_are_as_tight_far_from_zero(tmp_path: Path) -> None:
    from rayal.storage.shards import Batch, write_shards

    draw = np.random.default_rng(0)
    centers = 0.2 * draw.normal(size=(40, 64))
    far = 4096 + centers[np.arange(3000) % 40] + 0.05 * draw.normal(size=(3000, 64))
    rows = Batch([str(i) for i in range(3000)], far.astype(np.float32))
    pool = write_shards(tmp_path, [rows], rows_per_shard=2000)
    made = kmeans(LocalExecutor(), pool, NONE, 40, np.random.default_rng(0))
    unit = clustering.unit_rows(far)
    spread = float(((unit - unit.mean(axis=0, dtype=np.float64)) ** 2).sum())
    assert made.inertia < 0.2 * spread  # .06 is what the rows deviate from the centers they are of


def test_rows_that_take_no_part_move_no_center(pool: ShardSet) -> None:
    left_out = np.arange(0, N, 2)
    made = kmeans(LocalExecutor(), pool, left_out, 5, np.random.default_rng(0))
    assert made.sizes.sum() == N - len(left_out)
    assert not set(made.nearest) & set(left_out)


def test_fewer_different_rows_than_clusters_have_fewer_centers(tmp_path: Path) -> None:
    from rayal.storage.shards import Batch, write_shards

    rows = np.eye(3, 4, dtype=np.float32)[np.arange(30) % 3]
    pool = write_shards(tmp_path, [Batch([str(i) for i in range(30)], rows)], rows_per_shard=7)
    made = kmeans(LocalExecutor(), pool, NONE, 8, np.random.default_rng(0))
    assert made.inertia == pytest.approx(0, abs=1e-6)
    assert made.sizes.sum() == 30


def test_the_most_typical_of_each_cluster_come_first(pool: ShardSet) -> None:
    picks, made = typiclust(LocalExecutor(), pool, NONE, 12, np.random.default_rng(3))
    clusters = ((UNIT[:, None] - made.centers[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert np.bincount(clusters[picks], minlength=12).max() == 1
    for pick in picks:
        members = np.flatnonzero(clusters == clusters[pick])
        squared = ((UNIT[members][:, None] - UNIT[members][None]) ** 2).sum(axis=2)
        away = np.sqrt(np.maximum(squared, 0).astype(np.float64))
        np.fill_diagonal(away, np.inf)
        k = min(20, len(members) // 2)
        means = np.sort(away, axis=1)[:, :k].mean(axis=1)
        assert means[members == pick][0] <= means.min() + 1e-5


def test_clusters_with_labels_wait(pool: ShardSet) -> None:
    first, _ = typiclust(LocalExecutor(), pool, NONE, 6, np.random.default_rng(3))
    labeled = np.sort(first)
    later, made = typiclust(LocalExecutor(), pool, labeled, 6, np.random.default_rng(3))
    clusters = ((UNIT[:, None] - made.centers[None]) ** 2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(clusters[np.concatenate([first, later])], minlength=12)
    large = np.bincount(clusters, minlength=12) >= 5
    assert not set(first) & set(later)
    assert counts[large].min() >= 1
