import numpy as np
import pytest

from rayal.kernels.finite import check_finite
from rayal.kernels.ranking import highest_first, round_robin


def slow_round_robin(ranking: np.ndarray, groups: np.ndarray, order: np.ndarray) -> list[int]:
    queues = {g: [int(i) for i in ranking if groups[i] == g] for g in order}
    taken = []
    while any(queues.values()):
        taken += [queues[g].pop(0) for g in order if queues[g]]
    return taken


@pytest.mark.parametrize("seed", range(4))
def test_round_robin_equals_queues_emptied_in_turn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.choice(6, size=50, p=[0.5, 0.3, 0.1, 0.06, 0.04, 0])  # the last one is empty
    ranking, order = rng.permutation(50), rng.permutation(6)
    found = round_robin(ranking, groups, order)
    assert found.tolist() == slow_round_robin(ranking, groups, order)


def test_highest_first_ranks_by_score() -> None:
    scores = np.array([0.2, -3.0, 7.0, 0.5])
    assert highest_first(scores, np.random.default_rng(0)).tolist() == [2, 3, 0, 1]


def test_equal_scores_are_shuffled_within_their_places() -> None:
    scores = np.repeat([1.0, 2.0], 50)
    ranking = highest_first(scores, np.random.default_rng(0))
    assert set(ranking[:50]) == set(range(50, 100))
    assert ranking[:50].tolist() != sorted(ranking[:50])
    assert ranking.tolist() != highest_first(scores, np.random.default_rng(1)).tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_with_its_row(bad: float) -> None:
    values = np.zeros((5, 2), dtype=np.float32)
    values[3, 1] = bad
    with pytest.raises(ValueError, match=r"probs must be finite, but 1 of 5 .* row 3"):
        check_finite(values, "probs")


def test_large_finite_values_pass_although_their_sum_overflows() -> None:
    check_finite(np.full((5, 2), 3e38, dtype=np.float32), "features")
