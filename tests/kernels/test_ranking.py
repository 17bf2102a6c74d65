import numpy as np
import pytest

from rayal.kernels.ranking import (
    class_balanced,
    equals_by_ranking,
    first_of_each,
    highest_first,
    largest_remainder,
    multiple_rounded_up,
    pad_to_budget,
    round_robin,
    softrank_sample,
)
from tests.draws import draws


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


@pytest.mark.parametrize("seed", draws(30))
def test_first_of_each_equals_a_walk_down_the_ranking(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, quotas = rng.integers(4, size=40), rng.integers(12, size=5)
    ranking = rng.permutation(40)[:30]
    left, expected = quotas.tolist(), []
    for i in ranking.tolist():
        if left[groups[i]] > 0:
            left[groups[i]] -= 1
            expected.append(i)
    assert first_of_each(ranking, groups, quotas).tolist() == expected


@pytest.mark.parametrize("seed", draws(30))
def test_equals_are_as_many_of_each_group_as_before_and_the_first_of_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    order, groups = rng.permutation(n), rng.integers(0, 4, size=n)
    chosen = rng.permutation(n)[: int(rng.integers(1, n + 1))]
    quotas = np.bincount(groups[chosen], minlength=4)
    expected = []
    for position in order:
        if quotas[groups[position]] > 0:
            quotas[groups[position]] -= 1
            expected.append(position)
    assert equals_by_ranking(chosen, order, groups).tolist() == expected


def test_completed_adds_the_best_that_are_not_chosen_yet() -> None:
    assert pad_to_budget(np.array([7, 2]), np.array([1, 2, 3, 7, 9]), 4).tolist() == [7, 2, 1, 3]


@pytest.mark.parametrize(
    ("lacks", "total", "expected"),
    [
        ([10.0, 0, 0], 4, [4, 0, 0]),
        ([1.0, 1, 2], 8, [2, 2, 4]),
        ([1.0, 1, 1], 8, [3, 3, 2]),  # equal remainders: from the first on
        ([0.0, 0, 0], 4, [2, 1, 1]),
        ([2.6, 2.4], 5, [3, 2]),
    ],
)
def test_shares_follow_what_is_lacking(lacks: list[float], total: int, expected: list[int]) -> None:
    assert largest_remainder(np.array(lacks), total).tolist() == expected


@pytest.mark.parametrize("seed", draws(60))
def test_equal_shares_are_as_equal_as_the_classes_allow_and_keep_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = rng.choice(5, size=60, p=[0.6, 0.25, 0.1, 0.05, 0])
    left = np.flatnonzero(rng.random(60) < 0.8)
    budget = int(rng.integers(1, len(left) + 1))
    ranking = rng.permutation(left)
    asked: list[int] = []

    def ask(size: int) -> np.ndarray:
        asked.append(size)
        return ranking[:size]

    found = class_balanced(ask, classes, left, budget)
    first_seen = list(dict.fromkeys(classes[ranking].tolist()))
    absent = [c for c in range(5) if c not in first_seen]
    everything = slow_round_robin(ranking, classes, np.array(first_seen + absent))
    assert found.tolist() == everything[:budget]
    assert max(asked) <= len(left)


def test_a_budget_above_what_is_left_has_no_equal_shares() -> None:
    with pytest.raises(ValueError, match="a budget of 4 is more than the 3 positions"):
        class_balanced(lambda size: np.arange(3), np.array([0, 0, 1]), np.arange(3), 4)


def test_chance_follows_the_ranks_odds() -> None:
    rng = np.random.default_rng(0)
    items = np.array([7, 3, 5])
    draws = np.array([softrank_sample(items, 2.0, rng) for _ in range(20_000)])
    first = [np.mean(draws[:, 0] == item) for item in items]
    odds = np.array([1, 1 / 4, 1 / 9])
    np.testing.assert_allclose(first, odds / odds.sum(), atol=0.015)
    second = [np.mean(draws[draws[:, 0] == 7, 1] == item) for item in (3, 5)]
    np.testing.assert_allclose(second, [9 / 13, 4 / 13], atol=0.015)
    assert np.all(np.sort(draws, axis=1) == [3, 5, 7])


def test_no_beta_is_random_choice_and_a_large_one_keeps_the_order() -> None:
    items = np.arange(50)
    first = [softrank_sample(items, 0.0, np.random.default_rng(n))[0] for n in range(300)]
    assert len(set(first)) > 40
    assert np.array_equal(softrank_sample(items, 1e6, np.random.default_rng(0)), items)


def test_a_multiple_is_that_of_the_decimal_and_rounded_up() -> None:
    assert [multiple_rounded_up(1.1, count) for count in (10, 11, 50)] == [11, 13, 55]
    assert [multiple_rounded_up(10, 7), multiple_rounded_up(0.07, 100)] == [70, 7]
    assert [multiple_rounded_up(1e-4, 150), multiple_rounded_up(0.0, 150)] == [1, 0]
