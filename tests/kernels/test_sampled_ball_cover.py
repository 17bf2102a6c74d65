import numpy as np
import pytest

from rayal.kernels import sampled_ball_cover as module
from rayal.kernels.ball_cover import greedy_ball_cover, pure_radius
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_ball_cover import sampled_ball_cover, sampled_pure_radius

NONE = np.array([], dtype=np.int64)


def points(n: int = 150) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)


@pytest.mark.parametrize("budget", [1, 20, 148])
@pytest.mark.parametrize("labeled", [NONE, np.array([3, 90])])
def test_with_all_rows_drawn_the_choice_is_greedy(labeled: np.ndarray, budget: int) -> None:
    made = points()
    picks = sampled_ball_cover(Rows(made), labeled, budget, 0.8, np.random.default_rng(0))
    near = ((made[:, None] - made[None]) ** 2).sum(axis=2) < 0.8**2
    uncovered = ~near[labeled].any(axis=0)
    for pick in picks:
        gains = near[:, uncovered].sum(axis=1)
        assert gains[pick] == gains.max()
        uncovered &= ~near[pick]
    assert len(np.unique(np.concatenate([labeled, picks]))) == budget + len(labeled)


def test_rows_that_cover_as_much_are_not_taken_by_position() -> None:
    alone = np.arange(1000, dtype=np.float32)[:, None]
    picks = sampled_ball_cover(Rows(alone), NONE, 100, 0.5, np.random.default_rng(0))
    assert 400 < picks.mean() < 600


def test_a_sample_covers_nearly_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    made = points(3000)

    def share(picks: np.ndarray) -> float:
        away = ((made[:, None] - made[None, picks]) ** 2).sum(axis=2)
        return float((away.min(axis=1) < 0.8**2).mean())

    whole = greedy_ball_cover(made, NONE, 20, 0.8, np.random.default_rng(0))
    monkeypatch.setattr(module, "CENTERS", 600)
    monkeypatch.setattr(module, "POINTS", 1200)
    picks = sampled_ball_cover(Rows(made), NONE, 20, 0.8, np.random.default_rng(0))
    assert share(picks) > 0.93 * share(whole)


@pytest.mark.parametrize("radius", [0.25, 0.6])
@pytest.mark.parametrize("labeled", [NONE, np.array([3, 90])])
def test_a_ball_counts_others_in_proportion_and_its_own_center_once(
    monkeypatch: pytest.MonkeyPatch, labeled: np.ndarray, radius: float
) -> None:
    made = points(400)
    monkeypatch.setattr(module, "CENTERS", 120)
    monkeypatch.setattr(module, "POINTS", 100)
    picks = sampled_ball_cover(Rows(made), labeled, 12, radius, np.random.default_rng(5))
    rng, left = np.random.default_rng(5), np.setdiff1d(np.arange(400), labeled)
    drawn = rng.choice(left, 120, replace=False)
    counted = np.sort(rng.choice(400, 100, replace=False))
    inside = ((made[:, None] - made[None]) ** 2).sum(axis=2) < radius**2
    centers, expected = labeled.tolist(), []
    for _ in range(12):
        covered = inside[centers].any(axis=0)
        gains = []
        for row in drawn:
            others = [p for p in counted if p != row and inside[row, p] and not covered[p]]
            gains.append(4 * len(others) + (not covered[row]))
        if max(gains) == 0:
            break
        expected.append(int(drawn[int(np.argmax(gains))]))
        centers.append(expected[-1])
    assert picks[: len(expected)].tolist() == expected


def test_narrow_balls_around_drawn_points_do_not_go_before_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = points(3000)
    monkeypatch.setattr(module, "CENTERS", 1000)
    monkeypatch.setattr(module, "POINTS", 300)
    picks = sampled_ball_cover(Rows(made), NONE, 30, 0.15, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    rng.choice(3000, 1000, replace=False)
    counted = rng.choice(3000, 300, replace=False)
    assert np.isin(picks, counted).mean() < 0.4  # a tenth of the rows


def test_balls_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = points()
    first = sampled_ball_cover(Rows(made), NONE, 30, 0.8, np.random.default_rng(0))
    monkeypatch.setattr(module.gemm_distances, "COLUMNS", 16)
    monkeypatch.setattr(module, "BLOCK", 7)
    second = sampled_ball_cover(Rows(made), NONE, 30, 0.8, np.random.default_rng(0))
    assert np.array_equal(first, second)


def test_the_radius_is_that_of_all_balls_where_all_are_drawn() -> None:
    made = points()
    clusters = (made[:, 0] > 0).astype(np.int64)
    exact = pure_radius(made, clusters, np.random.default_rng(0))
    sampled = sampled_pure_radius(Rows(made), clusters, np.random.default_rng(0))
    assert sampled == pytest.approx(exact, rel=1e-3)


def test_one_cluster_has_an_infinite_radius() -> None:
    clusters = np.zeros(150, dtype=np.int64)
    assert np.isinf(sampled_pure_radius(Rows(points()), clusters, np.random.default_rng(0)))
