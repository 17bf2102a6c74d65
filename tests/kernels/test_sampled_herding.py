import numpy as np
import pytest

from rayal.kernels import sampled_herding as module
from rayal.kernels.herding import greedy_herding
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_herding import sampled_herding

NONE = np.array([], dtype=np.int64)


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
