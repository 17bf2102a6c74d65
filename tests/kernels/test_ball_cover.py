import numpy as np
import pytest

from rayal.kernels import ball_cover
from rayal.kernels.ball_cover import distance_to_nearest, greedy_ball_cover, pure_radius
from rayal.kernels.covering import greedy_k_center
from rayal.kernels.rows import Rows
from tests.draws import draws

NONE = np.array([], dtype=np.int64)
# Of small random problems most come to balls of one point each.
pytestmark = pytest.mark.filterwarnings("ignore:probcover. each of the last balls")


def all_distances(points: np.ndarray) -> np.ndarray:
    difference = points[:, None].astype(np.float64) - points[None].astype(np.float64)
    return np.sqrt((difference**2).sum(axis=2))


def slow_twin(points: np.ndarray, labeled: list[int], budget: int, radius: float) -> list[int]:
    """The definition: the whole graph, counted again for each pick; stops when all is covered."""
    near = all_distances(points) < radius
    chosen = list(labeled)
    while len(chosen) < len(labeled) + budget:
        uncovered = ~near[chosen].any(axis=0)
        gains = near[:, uncovered].sum(axis=1)
        gains[chosen] = 0
        if gains.max() == 0:
            break
        chosen.append(int(gains.argmax()))
    return chosen[len(labeled) :]


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, int, float]:
    rng = np.random.default_rng(seed)
    n, D = rng.integers(2, 60), rng.integers(1, 6)
    points = rng.normal(size=(n, D)).astype(np.float32)
    points[: n // 4] = points[rng.integers(n, size=n // 4)]
    labeled = np.sort(rng.choice(n, rng.integers(n), replace=False))
    budget = int(rng.integers(1, n - len(labeled) + 1))
    return points, labeled, budget, float(rng.uniform(0.1, 2.5))


@pytest.mark.parametrize("seed", draws(300))
def test_picks_equal_the_slow_twins_until_all_is_covered(seed: int) -> None:
    points, labeled, budget, radius = problem(seed)
    picks = greedy_ball_cover(points, labeled, budget, radius, np.random.default_rng(0))
    expected = slow_twin(points, labeled.tolist(), budget, radius)
    assert picks[: len(expected)].tolist() == expected
    assert len(set(picks) | set(labeled)) == budget + len(labeled)


def test_when_all_is_covered_the_farthest_follow() -> None:
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    picks = greedy_ball_cover(points, NONE, 20, 100.0, np.random.default_rng(0))
    rest = greedy_k_center(points, picks[:1], 19, np.random.default_rng(0))
    assert picks.tolist() == [0, *rest]


def test_balls_are_open_and_points_at_the_radius_are_decided_exactly() -> None:
    line = np.array([[0.0], [3.0], [6.0], [9.0], [100.0]], dtype=np.float32)
    assert greedy_ball_cover(line, NONE, 1, 3.0, np.random.default_rng(0)).tolist() == [0]
    assert greedy_ball_cover(line, NONE, 1, 3.0001, np.random.default_rng(0)).tolist() == [1]


@pytest.mark.parametrize("seed", draws(20))
def test_points_far_from_the_origin_are_decided_exactly(seed: int) -> None:
    """Squared lengths are beyond 2^24: products of float32 make distances of 5 into 4 or 6."""
    rng = np.random.default_rng(seed)
    points = (rng.integers(5, size=(60, 3)) + 3000).astype(np.float32)
    for radius in np.sqrt([4.5, 5.5, 6.5]):
        expected = slow_twin(points, [], 12, radius)
        picks = greedy_ball_cover(points, NONE, 12, radius, rng)
        assert picks[: len(expected)].tolist() == expected


def test_the_last_points_of_the_pool_are_not_dropped() -> None:
    points = np.concatenate([np.eye(520)[:500] * 10, np.zeros((20, 520))]).astype(np.float32)
    picks = greedy_ball_cover(points, NONE, 2, 0.5, np.random.default_rng(0))
    assert picks.tolist() == [500, 0]


def test_more_balls_than_fit_in_one_block_are_counted_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = np.random.default_rng(0).normal(size=(700, 2)).astype(np.float32)
    monkeypatch.setattr("rayal.kernels.gemm_distances.COLUMNS", 100)
    picks = greedy_ball_cover(points, NONE, 30, 1.0, np.random.default_rng(0))
    expected = slow_twin(points, [], 30, 1.0)
    assert picks[: len(expected)].tolist() == expected


@pytest.mark.parametrize("seed", draws(100))
def test_the_radius_is_the_largest_that_is_pure_enough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(40, 80), 3)).astype(np.float32)
    clusters = np.arange(len(points)) % 4
    points += clusters[:, None].astype(np.float32)
    impure = np.where(clusters[:, None] != clusters, all_distances(points), np.inf)
    radius = pure_radius(points, clusters, rng)

    def purity(radius: float) -> float:
        return float(1 - (impure < radius).any(axis=1).mean())

    assert purity(radius) >= 0.95 - 1e-9
    assert purity(radius * 1.002) < 0.95


def test_the_radius_is_infinite_where_there_is_one_cluster() -> None:
    points = np.zeros((5, 2), dtype=np.float32)
    radius = pure_radius(points, np.zeros(5, dtype=np.int64), np.random.default_rng(0))
    assert radius == np.inf
    picks = greedy_ball_cover(points, NONE, 5, radius, np.random.default_rng(0))
    assert sorted(picks) == [0, 1, 2, 3, 4]


def test_the_purity_of_a_large_pool_is_estimated_from_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2000, 2)).astype(np.float32)
    clusters = (points[:, 0] > 0).astype(np.int64)
    whole = pure_radius(points, clusters, rng)
    monkeypatch.setattr(ball_cover, "PURITY_SAMPLE", 1000)
    assert pure_radius(points, clusters, rng) == pytest.approx(whole, rel=0.3)


@pytest.mark.parametrize("budget", [0, 4])
def test_a_budget_that_the_pool_cannot_meet_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the 3 images"):
        greedy_ball_cover(np.eye(4), np.array([0]), budget, 1.0, np.random.default_rng(0))


def test_balls_of_radius_zero_leave_all_to_the_farthest() -> None:
    points = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    picks = greedy_ball_cover(points, np.array([3]), 8, 0.0, np.random.default_rng(0))
    assert np.array_equal(
        picks, greedy_k_center(points, np.array([3]), 8, np.random.default_rng(0))
    )


def test_the_nearest_other_row_is_at_the_least_distance_but_its_own() -> None:
    points = np.random.default_rng(0).normal(size=(9000, 3)).astype(np.float32)
    points[8500] = points[20]
    for position in (0, 20, 8191, 8192, 8999):
        apart = np.linalg.norm(points - points[position], axis=1)
        expected = np.delete(apart, position).min()
        assert distance_to_nearest(Rows(points), position) == pytest.approx(expected, rel=1e-5)
    assert distance_to_nearest(Rows(points[:1]), 0) == np.inf
