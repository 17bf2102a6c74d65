import numpy as np
import pytest

from rayal.kernels import sampled_herding as module
from rayal.kernels.herding import greedy_herding
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_herding import sampled_herding

NONE = np.array([], dtype=np.int64)
SIGMA = 0.6


def points(n: int = 150) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)


def covered(made: np.ndarray, picks: np.ndarray) -> float:
    away = ((made[:, None] - made[None, picks]) ** 2).sum(axis=2)
    return float(np.exp(-away).max(axis=1).mean())


@pytest.mark.parametrize("labeled", [NONE, np.array([3, 90])])
def test_with_all_rows_drawn_the_choice_is_greedy(labeled: np.ndarray) -> None:
    made = points()
    picks = sampled_herding(Rows(made), labeled, 20, 1.0, np.random.default_rng(0))
    assert np.array_equal(picks, greedy_herding(made, labeled, 20, 1.0))


def test_a_sample_covers_nearly_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 1000)
    made = points(2000)
    picks = sampled_herding(Rows(made), NONE, 20, 1.0, np.random.default_rng(0))
    assert covered(made, picks) > 0.95 * covered(made, greedy_herding(made, NONE, 20, 1.0))


def test_rows_are_drawn_in_proportion_to_their_weights() -> None:
    made = points()
    weights = np.zeros(150)
    weights[40:50] = 1
    picks = sampled_herding(Rows(made), NONE, 10, 0.1, np.random.default_rng(0), weights)
    assert sorted(picks) == list(range(40, 50))


def test_what_gains_nothing_follows_by_chance_and_no_row_twice() -> None:
    made = np.zeros((30, 3), dtype=np.float32)
    first, second = (
        sampled_herding(Rows(made), np.array([4]), 29, 1.0, np.random.default_rng(s)).tolist()
        for s in range(2)
    )
    assert sorted(first) == sorted(second) == [row for row in range(30) if row != 4]
    assert first != second


def test_a_budget_that_the_pool_cannot_meet_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and the 150 images"):
        sampled_herding(Rows(points()), NONE, 0, 1.0, np.random.default_rng(0))


def test_features_with_a_large_common_part_are_told_apart_on_a_sample_too() -> None:
    near = 1 + np.float32(1e-5) * points()
    picks = sampled_herding(Rows(near), NONE, 20, 1.0, np.random.default_rng(0))
    assert np.array_equal(picks, greedy_herding(near, NONE, 20, 1.0))


def slow_gains(
    made: np.ndarray, row: int, drawn: np.ndarray, centers: list[int], own: float
) -> float:
    """What a row adds to the cover of the other drawn rows, and as much as it counts of itself."""
    kernel = np.exp(-((made[:, None] - made[[row, *centers]]) ** 2).sum(axis=2) / SIGMA**2)
    covered = kernel[:, 1:].max(axis=1, initial=0)
    new = np.maximum(kernel[:, 0] - covered, 0)
    return float(new[drawn[drawn != row]].sum() + own * new[row])


@pytest.mark.parametrize("labeled", [NONE, np.array([3, 90])])
@pytest.mark.parametrize("concentration", [None, 1, 20])
def test_a_row_counts_others_in_proportion_and_itself_once(
    monkeypatch: pytest.MonkeyPatch, labeled: np.ndarray, concentration: int | None
) -> None:
    made = points(200)
    weights = (
        None if concentration is None else np.random.default_rng(1).random(200) ** concentration
    )
    monkeypatch.setattr(module, "CANDIDATES", 60)
    monkeypatch.setattr(module, "FEWEST", 50)
    monkeypatch.setattr(module, "A_PICK", 1)
    picks = sampled_herding(Rows(made), labeled, 10, SIGMA, np.random.default_rng(5), weights)
    rng, shares = np.random.default_rng(5), np.full(200, 1 / 200)
    candidates = rng.choice(np.setdiff1d(np.arange(200), labeled), 60, replace=False)
    if weights is None:
        drawn = rng.choice(200, 50, replace=False)
    else:
        shares = weights / weights.sum()
        drawn = rng.choice(200, 50, p=shares)
    centers = labeled.tolist()
    for pick in picks:
        free = np.setdiff1d(candidates, centers)
        gains = {row: slow_gains(made, row, drawn, centers, 50 * shares[row]) for row in free}
        assert gains[pick] >= max(gains.values()) - 1e-5
        centers.append(int(pick))


@pytest.mark.parametrize("concentration", [None, 1, 20])
def test_narrow_kernels_around_drawn_rows_do_not_go_before_others(
    monkeypatch: pytest.MonkeyPatch, concentration: int | None
) -> None:
    made = points(3000)
    rng = np.random.default_rng(1)
    weights = None if concentration is None else rng.random(3000) ** concentration
    worth = np.ones(3000) if weights is None else weights
    monkeypatch.setattr(module, "CANDIDATES", 800)
    monkeypatch.setattr(module, "FEWEST", 300)
    monkeypatch.setattr(module, "A_PICK", 1)
    picks = sampled_herding(Rows(made), NONE, 30, 0.02, np.random.default_rng(0), weights)
    candidates = np.random.default_rng(0).choice(3000, 800, replace=False)
    best = np.sort(worth[candidates])[-30:].sum()  # each covers itself and next to nothing else
    assert worth[picks].sum() > 0.95 * best
    if weights is None:
        assert picks.mean() == pytest.approx(1500, abs=500)  # ties are in no order of the rows
