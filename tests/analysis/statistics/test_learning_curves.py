import math

import numpy as np
import pytest

from analysis.statistics import learning_curves
from analysis.statistics.bootstrap import resamples

RNG = np.random.default_rng(3)


def test_aubc_weighs_budgets_by_their_distance():
    # Between 10 and 20 the curve is on average .6, between 20 and 50 it is .8.
    assert learning_curves.aubc([10, 20, 50], [0.5, 0.7, 0.9]) == pytest.approx(
        (10 * 0.6 + 30 * 0.8) / 40
    )


def test_aubc_of_a_flat_curve_is_its_height():
    assert learning_curves.aubc([1, 7, 9, 40], [0.3] * 4) == pytest.approx(0.3)


def test_aubc_of_one_budget_is_nan():
    assert math.isnan(learning_curves.aubc([10], [0.5]))


def needed(budgets, values, target):
    """Labels at which a curve first reaches a target."""
    found, _ = learning_curves.annotation_saved(budgets, values, np.full(len(budgets), target))
    return found[0]


def test_the_labels_needed_lie_on_the_line_between_budgets():
    assert needed([10, 20, 40], [0.5, 0.6, 0.8], 0.7) == pytest.approx(30)


def test_the_first_crossing_counts_of_a_curve_that_dips():
    assert needed([10, 20, 30, 40], [0.5, 0.7, 0.6, 0.9], 0.6) == pytest.approx(15)


def test_the_labels_needed_are_the_first_budget_from_above_and_nan_from_below():
    assert needed([10, 20], [0.7, 0.8], 0.6) == 10
    assert math.isnan(needed([10, 20], [0.7, 0.8], 0.9))


def test_annotation_saved_at_equal_auc():
    labels, saved = learning_curves.annotation_saved([10, 20, 40], [0.6, 0.8, 0.9], [0.5, 0.6, 0.7])
    np.testing.assert_allclose(labels, [10, 10, 15])
    np.testing.assert_allclose(saved, [0, 0.5, 0.625])


def test_annotation_saved_is_negative_for_the_slower_and_nan_for_who_never_arrives():
    _, saved = learning_curves.annotation_saved([10, 20, 40], [0.4, 0.5, 0.6], [0.5, 0.6, 0.7])
    np.testing.assert_allclose(saved, [-1, -1, math.nan])


def slow_first_crossing(budgets, curve, target):
    for k, (budget, value) in enumerate(zip(budgets, curve, strict=True)):
        if value >= target:
            if k == 0:
                return budget
            share = (target - curve[k - 1]) / (value - curve[k - 1])
            return budgets[k - 1] + share * (budget - budgets[k - 1])
    return math.nan


def test_savings_are_those_of_every_resampled_pair_of_mean_curves():
    budgets = np.array([10.0, 20.0, 40.0])
    for n, m in ((6, 7), (5, 5), (12, 30)):
        rise = np.array([0.6, 0.7, 0.8])
        ours = rise + 0.05 + RNG.normal(0, 0.03, (n, 3))
        theirs = rise + RNG.normal(0, 0.03, (m, 3))
        found = learning_curves.savings(budgets, ours, theirs, paired=False)
        mine, random = resamples(n, 0), resamples(m, 1)
        for k, budget in enumerate(budgets):
            twin = np.array([
                1 - slow_first_crossing(budgets, ours[a].mean(0), theirs[b].mean(0)[k]) / budget
                for a, b in zip(mine, random, strict=True)
            ])  # fmt: skip
            assert found[k].not_reached == np.isnan(twin).mean()
            low, high = found[k].interval
            twin = np.where(np.isnan(twin), -np.inf, twin)
            above = [
                ours[a].mean(0)[0] > theirs[b].mean(0)[k] for a, b in zip(mine, random, strict=True)
            ]
            from_first_on = np.where(above, np.inf, twin)
            assert max(np.mean(twin < low), np.mean(from_first_on > high)) <= 0.025
            for draws, end in ((twin, low), (from_first_on, high)):
                assert (np.isclose(draws, end, rtol=1e-9, atol=1e-12) | (draws == end)).any()


def test_a_saving_has_no_high_end_where_fewer_labels_than_tried_may_do():
    ours, theirs = np.full((6, 2), 0.9), np.array([[0.5, 0.8]] * 6)
    for saving, least in zip(
        learning_curves.savings([10, 20], ours, theirs, paired=False), (0, 0.5), strict=True
    ):
        assert saving.interval == (least, math.inf)


def test_a_curve_that_ends_where_random_s_does_reaches_it_whatever_the_rounding():
    for end in (0.2, 0.2 * (1 + 2e-16), 0.2 * (1 - 2e-16)):
        needed, saved = learning_curves.annotation_saved([10, 20], [0.1, end], [0.1, 0.2])
        np.testing.assert_allclose((needed[1], saved[1]), (20, 0), atol=1e-9)
        assert not learning_curves.starts_beyond(end, 0.2)


def test_choices_are_resampled_with_all_of_their_trials():
    """Eight trials of one choice weigh as eight, and a resample draws choices, not trials."""
    budgets = np.array([10.0, 20.0])
    chosen = np.array(["often"] * 8 + ["b", "c", "d", "e"])
    ours = np.where((chosen == "often")[:, None], [[0.5, 0.9]], [[0.5, 0.7]])
    ours = ours + RNG.normal(0, 0.01, ours.shape)
    theirs = np.array([[0.5, 0.8]]) + RNG.normal(0, 0.01, (12, 2))
    found = learning_curves.savings(
        budgets, ours, theirs, paired=False, choices=(chosen, np.arange(12))
    )
    names = list(dict.fromkeys(chosen.tolist()))
    parts = [ours[chosen == name] for name in names]
    random = resamples(12, 1)
    twin = [
        1 - slow_first_crossing(
            budgets, np.concatenate([parts[i] for i in own]).mean(0), theirs[b].mean(0)[1]
        ) / 20
        for own, b in zip(resamples(5, 0), random, strict=True)
    ]  # fmt: skip
    assert found[1].not_reached == np.isnan(twin).mean()
    draws = np.where(np.isnan(twin), -np.inf, twin)
    assert np.isclose(draws, found[1].interval.high, rtol=1e-9).any()
    assert np.mean(draws > found[1].interval.high) <= 0.025


def test_a_saving_that_many_resamples_never_reach_has_no_low_end():
    theirs = np.array([[0.5, 0.9], [0.6, 0.9], [0.5, 0.8]] * 2)
    ours = np.array([[0.5, 0.8], [0.6, 0.9], [0.5, 0.95]] * 2)
    last = learning_curves.savings([10, 20], ours, theirs, paired=True)[1]
    assert last.not_reached > 0.1
    assert last.interval.low == -math.inf


def test_few_trials_give_no_interval_of_a_saving():
    curve = np.sort(RNG.uniform(size=(4, 3)), axis=1)
    last = learning_curves.savings([1, 2, 3], curve, curve, paired=True)[2]
    assert np.isnan(last.interval).all()
    assert last.not_reached == 0


def test_a_strategy_resampled_with_itself_saves_nothing():
    curve = np.sort(RNG.uniform(size=(6, 4)), axis=1)
    for saving in learning_curves.savings([1, 2, 3, 4], curve, curve, paired=True):
        np.testing.assert_allclose(saving.interval, 0, atol=1e-12)


def test_a_side_with_one_trial_has_no_interval():
    found = learning_curves.savings([1, 2], [[0.1, 0.2]], np.ones((3, 2)), paired=False)
    assert all(math.isnan(saving.interval.low) for saving in found)
