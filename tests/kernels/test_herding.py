import warnings

import numpy as np
import pytest

from rayal.kernels import lazy_choice, smooth_cover
from rayal.kernels.herding import greedy_herding
from tests.draws import draws

NONE = np.array([], dtype=np.int64)


def gains(
    points: np.ndarray, chosen: list[int], sigma: float, weights: np.ndarray | None
) -> np.ndarray:
    """What each point would add to the objective, (N,), by its definition."""
    away = ((points[:, None].astype(np.float64) - points[None].astype(np.float64)) ** 2).sum(axis=2)
    kernel = np.exp(-away / sigma**2)
    mass = np.ones(len(points)) if weights is None else weights
    covered = kernel[:, chosen].max(axis=1) if chosen else np.zeros(len(points))
    return np.asarray(mass @ np.maximum(kernel - covered[:, None], 0))


def check_greedy(
    points: np.ndarray,
    labeled: np.ndarray,
    picks: np.ndarray,
    sigma: float,
    weights: np.ndarray | None = None,
) -> None:
    """Each pick is the twin's, or gains as much up to rounding."""
    chosen = labeled.tolist()
    for pick in picks:
        value = gains(points, chosen, sigma, weights)
        value[chosen] = -1
        best = int(np.argmax(value))
        assert pick == best or value[pick] >= value[best] - 1e-5
        chosen.append(int(pick))


def slow_twin(points: np.ndarray, labeled: np.ndarray, budget: int, sigma: float) -> list[int]:
    """The plain greedy rule with the whole kernel; gains below 1e-9 count as nothing."""
    chosen = labeled.tolist()
    for _ in range(budget):
        value = np.round(gains(points, chosen, sigma, None), 9)
        value[chosen] = -1
        chosen.append(int(np.argmax(value)))
    return chosen[len(labeled) :]


@pytest.mark.parametrize("seed", draws(300))
def test_picks_equal_the_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, D = rng.integers(3, 40), rng.integers(2, 5)
    points = rng.normal(size=(n, D)).astype(np.float32)
    labeled = np.sort(rng.choice(n, rng.integers(n - 2), replace=False))
    budget = int(rng.integers(1, n - len(labeled)))
    sigma = float(rng.uniform(1, 3))
    picks = greedy_herding(points, labeled, budget, sigma)
    assert picks.tolist() == slow_twin(points, labeled, budget, sigma)


@pytest.mark.parametrize("seed", draws(100))
def test_picks_of_narrow_kernels_gain_what_the_slow_twins_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(40, 6)).astype(np.float32)
    sigma = float(rng.uniform(0.2, 1))
    check_greedy(points, NONE, greedy_herding(points, NONE, 40, sigma), sigma)


@pytest.mark.parametrize("seed", draws(100))
def test_weighted_picks_gain_what_the_slow_twins_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(40, 3)).astype(np.float32)
    points[:8] = points[8:16]
    weights = rng.uniform(size=40) * (rng.uniform(size=40) > 0.3)
    labeled = np.sort(rng.choice(40, 5, replace=False))
    picks = greedy_herding(points, labeled, 20, 1.0, weights)
    check_greedy(points, labeled, picks, 1.0, weights)


def test_where_weights_decide_nothing_equal_ones_do() -> None:
    """A learner that is sure of all leaves no weight; by position its picks would be arbitrary."""
    points = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    weights = np.zeros(40)
    plain = greedy_herding(points, np.array([5]), 10, 1.0)
    assert greedy_herding(points, np.array([5]), 10, 1.0, weights).tolist() == plain.tolist()
    weights[30] = 1.0
    picks = greedy_herding(points, np.array([5]), 10, 1.0, weights)
    rest = greedy_herding(points, np.array([5, picks[0]]), 9, 1.0)
    assert picks.tolist() == [30, *rest]


def test_two_that_gain_the_same_go_by_position_whatever_the_order_of_the_sum() -> None:
    pairs = np.array([[0, 0], [1, 0], [90, 1], [90, 0], [50, 50], [50, 51]], dtype=np.float32)
    assert greedy_herding(pairs, NONE, 6, 0.9).tolist() == [0, 2, 4, 1, 3, 5]


def test_ties_go_to_the_lowest_position() -> None:
    corners = np.array([[-5, -5], [-5, 5], [5, -5], [5, 5]], dtype=np.float32)
    assert greedy_herding(corners, NONE, 4, 1.0).tolist() == [0, 1, 2, 3]


def test_a_copy_is_chosen_only_when_nothing_else_is_left() -> None:
    points = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    points[5:15] = points[20]
    points[0] = 0.0
    points[1] = -0.0
    picks = greedy_herding(points, np.array([25]), 29, 1.0)
    assert picks[-11:].tolist() == [1, *range(6, 15), 20]


def test_copies_weigh_as_much_as_they_are() -> None:
    far = np.array([[0.0], [50.0], [50.0], [100.0]], dtype=np.float32)
    assert greedy_herding(far, NONE, 4, 1.0).tolist() == [1, 0, 3, 2]


def test_a_labeled_point_and_its_copies_gain_nothing() -> None:
    points = np.array([[0.0], [0.0], [0.0], [9.0]], dtype=np.float32)
    assert greedy_herding(points, np.array([1]), 3, 1.0).tolist() == [3, 0, 2]


def test_a_larger_budget_goes_on_where_a_smaller_one_ended() -> None:
    points = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    small, large = (greedy_herding(points, NONE, b, 1.0) for b in (7, 60))
    assert np.array_equal(large[:7], small)
    assert np.array_equal(np.sort(large), np.arange(60))


def test_bounds_hold_and_lazy_choice_evaluates_few(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    counted = []
    plain = smooth_cover.Cover.gain

    def gain(self: smooth_cover.Cover, row: int) -> float:
        found = plain(self, row)
        assert found <= self.bounds(np.array([row]))[0]
        counted.append(row)
        return found

    monkeypatch.setattr(smooth_cover.Cover, "gain", gain)
    greedy_herding(points, NONE, 30, 1.0)
    assert len(counted) < 2 * 30


@pytest.mark.parametrize("count", [31, 32, 333])
def test_bounds_of_weighted_points_are_little_above_the_gains(count: int) -> None:
    rng = np.random.default_rng(count)
    points = rng.normal(size=(count, 5)).astype(np.float32)
    cover = smooth_cover.Cover(points, points, 1000 * rng.uniform(size=count), 1.5)
    for chosen in (3, 17):
        cover.add(chosen)
    gains = np.array([cover.gain(row) for row in range(count)])
    bounds = cover.bounds(np.arange(count))
    assert np.all(gains <= bounds)
    assert np.all(bounds <= gains + 1e-4 * cover.mass.sum())


def test_kernels_are_worked_out_exactly_where_they_may_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    points = (10 * rng.normal(size=(20, 6))[rng.integers(20, size=400)]).astype(np.float32)
    points += rng.normal(size=points.shape).astype(np.float32)
    worked_out = []
    plain = smooth_cover.Cover.kernel_between

    def kernel_between(self: smooth_cover.Cover, points: np.ndarray, row: int) -> np.ndarray:
        worked_out.append(len(points))
        return plain(self, points, row)

    monkeypatch.setattr(smooth_cover.Cover, "kernel_between", kernel_between)
    picks = greedy_herding(points, NONE, 30, 2.0)
    assert np.mean(worked_out[5:]) < 100
    check_greedy(points, NONE, picks, 2.0)


def test_a_kernel_far_narrower_than_rounding_still_chooses() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    with pytest.warns(UserWarning, match="sigma=1e-06, so each covers itself alone"):
        assert greedy_herding(points, NONE, 20, 1e-6).tolist() == list(range(20))


def test_no_warning_where_two_points_are_near_or_copies_or_weights_decide() -> None:
    far = 100 * np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    near, copied = far.copy(), far.copy()
    near[7] = far[3] + 0.5
    copied[7] = far[3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert greedy_herding(near, NONE, 5, 1.0)[0] == 3
        assert greedy_herding(copied, NONE, 5, 1.0)[0] == 3
        assert greedy_herding(far, NONE, 1, 1.0, np.arange(20.0)).tolist() == [19]
        assert greedy_herding(far, np.array([2]), 2, 1.0).tolist() == [0, 1]


@pytest.mark.parametrize("budget", [0, 4])
def test_a_budget_that_the_pool_cannot_meet_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the 3 images"):
        greedy_herding(np.eye(4), np.array([0]), budget, 1.0)


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan])
def test_a_kernel_without_width_is_refused(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma must be at least 1e-15"):
        greedy_herding(np.eye(4), NONE, 1, sigma)


@pytest.mark.parametrize("all_kept", [0, 60 * 60 * 4])
@pytest.mark.parametrize("kept", [0, 20 * 60 * 4, 1 << 30])
def test_how_many_kernels_are_kept_changes_no_pick(
    kept: int, all_kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(60, 4)).astype(np.float32)
    monkeypatch.setattr(lazy_choice, "BLOCK", 4)  # several renewals a pick
    monkeypatch.setattr(smooth_cover, "TILE", 25)  # two tiles and a part of one
    monkeypatch.setattr(smooth_cover, "KEPT", kept)
    monkeypatch.setattr(smooth_cover, "ALL_KEPT", all_kept)
    assert greedy_herding(points, NONE, 30, 1.0).tolist() == slow_twin(points, NONE, 30, 1.0)


@pytest.mark.parametrize("seed", draws(30))
def test_features_that_differ_little_from_one_another_are_told_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    apart = rng.normal(size=(40, 4)) * 10.0 ** rng.uniform(-6, -3)
    points = (rng.normal(size=4) + apart).astype(np.float32)
    labeled = np.sort(rng.choice(40, rng.integers(4), replace=False))
    chosen = labeled.tolist()
    exact = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    reach = 100 * np.abs(exact).max()
    for pick in greedy_herding(points, labeled, 12, 1.0):
        value = gains(exact / reach, chosen, 1.0, None)
        value[chosen] = -1
        assert value[pick] >= value.max() - 1e-3 / 100**2
        chosen.append(int(pick))


def test_rows_too_near_for_the_width_are_told_of() -> None:
    pairs = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)
    pairs[1::2, 0] += np.float32(1e-5)
    with pytest.warns(UserWarning, match="4 of 8 different rows .* sigma=1 .* order of the rows"):
        picks = greedy_herding(pairs, NONE, 6, 1.0)
    assert sorted(picks[:4] // 2) == [0, 1, 2, 3]
