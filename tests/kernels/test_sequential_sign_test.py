"""Evidence from signs that may be looked at after every pair."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from rayal.kernels.sequential_sign_test import evidence_of_losing, fewest_pairs


def mixture(above: int, below: int) -> float:
    """The wealth by its definition: the mean over p > 1/2 of a product over pairs."""

    def wealth(angle: float) -> float:  # p = sin^2(angle) is by Jeffreys' prior where angle is even
        p = math.sin(angle) ** 2
        return float(np.prod([2 * p] * below) * np.prod([2 * (1 - p)] * above))

    return quad(wealth, math.pi / 4, math.pi / 2)[0] / (math.pi / 4)


@pytest.mark.parametrize(("above", "below"), [(0, 0), (0, 9), (3, 12), (7, 7), (15, 2), (0, 60)])
def test_evidence_is_the_mean_wealth_of_bettors(above: int, below: int) -> None:
    assert evidence_of_losing(above, below) == pytest.approx(mixture(above, below), rel=1e-7)


def test_evidence_begins_at_one_and_its_mean_under_the_null_stays() -> None:
    assert evidence_of_losing(0, 0) == pytest.approx(1)
    for above in range(20):
        for below in range(20):
            following = evidence_of_losing(above + 1, below), evidence_of_losing(above, below + 1)
            assert np.mean(following) == pytest.approx(evidence_of_losing(above, below), rel=1e-9)


def test_evidence_of_thousands_of_pairs_is_a_number() -> None:
    assert evidence_of_losing(0, 5_000) == math.inf
    assert evidence_of_losing(5_000, 0) < 1e-2
    assert 0 < evidence_of_losing(2_500, 2_500) < 1


def chance_of_ever_rejecting(level: float, pairs: int, losing: float = 0.5) -> float:
    """The exact chance, by all paths of up to so many pairs, that evidence reaches 1 / level."""
    going, rejected = {0: 1.0}, 0.0  # differences below zero, and the chance to be there
    for count in range(1, pairs + 1):
        reached: dict[int, float] = {}
        for below, chance in going.items():
            for after, part in ((below + 1, losing), (below, 1 - losing)):
                reached[after] = reached.get(after, 0.0) + chance * part
        crossed = {b for b in reached if evidence_of_losing(count - b, b) * level >= 1}
        rejected += sum(reached[below] for below in crossed)
        going = {below: chance for below, chance in reached.items() if below not in crossed}
    return rejected


@pytest.mark.parametrize("level", [0.05, 0.01, 0.001])
def test_a_null_is_rejected_with_at_most_the_level_though_looked_at_after_each_of_300_pairs(
    level: float,
) -> None:
    assert 0.1 * level < chance_of_ever_rejecting(level, 300) <= level


def test_who_loses_nine_pairs_of_ten_is_rejected_soon() -> None:
    assert chance_of_ever_rejecting(0.001, 40, losing=0.9) > 0.9


@pytest.mark.parametrize("level", [0.5, 0.05, 0.00625, 1e-9])
def test_fewest_pairs_are_the_first_count_of_losses_alone_that_rejects(level: float) -> None:
    count = 1
    while evidence_of_losing(0, count) * level < 1:
        count += 1
    assert fewest_pairs(level) == count
