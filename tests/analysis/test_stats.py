import itertools
import math
import warnings

import numpy as np
import pytest
import scipy.stats

from analysis import stats

RNG = np.random.default_rng(7)


def test_std_is_the_sample_standard_deviation():
    assert stats.std([1, 2, 3, 4]) == pytest.approx(math.sqrt(5 / 3))


def test_mean_and_std_leave_out_what_is_not_finite():
    assert stats.mean([1, math.nan, 3]) == 2
    assert stats.std([1, math.nan, 3]) == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize(
    "values", [[], [0.5], [math.nan, math.nan]], ids=["empty", "one", "not finite"]
)
def test_spread_of_fewer_than_two_values_is_nan_without_a_warning(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(stats.std(values))
        assert math.isnan(stats.bootstrap_interval(values).low)
        assert math.isnan(stats.student_interval(values).high)


def test_bootstrap_interval_agrees_with_every_resample_enumerated():
    values = np.array([0.1, 0.4, 0.5, 0.9, 1.0])
    means = [np.mean(resample) for resample in itertools.product(values, repeat=5)]
    found = stats.bootstrap_interval(values)
    np.testing.assert_allclose(found, np.quantile(means, [0.025, 0.975]), atol=0.03)


def test_bootstrap_interval_is_the_same_on_every_call_and_moves_with_the_seed():
    values = RNG.normal(size=20)
    assert stats.bootstrap_interval(values) == stats.bootstrap_interval(values)
    assert stats.bootstrap_interval(values, seed=1) != stats.bootstrap_interval(values)


def test_student_interval_agrees_with_scipy():
    values = RNG.normal(size=5)
    theirs = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    np.testing.assert_allclose(stats.student_interval(values), [theirs.low, theirs.high])


def test_paired_difference_counts_whole_pairs_only():
    found = stats.paired_difference([0.9, 0.8, math.nan, 0.7], [0.8, 0.6, 0.5, math.nan])
    assert found.n == 2
    assert found.mean == pytest.approx(0.15)
    assert found.std == pytest.approx(math.sqrt(0.005))


@pytest.mark.parametrize("n", [4, 5, 12, 100])
def test_pearson_agrees_with_scipy(n):
    x = RNG.normal(size=n)
    y = x + RNG.normal(size=n)
    theirs = scipy.stats.pearsonr(x, y)
    interval = theirs.confidence_interval()
    found = stats.pearson(x, y)
    np.testing.assert_allclose(found[:2], [theirs.statistic, theirs.pvalue], rtol=1e-9)
    np.testing.assert_allclose(found[2:4], [interval.low, interval.high], rtol=1e-9)
    assert (found.n, found.reason) == (n, "")


def test_pearson_of_three_pairs_has_p_but_no_interval():
    found = stats.pearson([1, 2, 3], [1, 3, 2])
    assert found.r == pytest.approx(0.5)
    assert found.p == pytest.approx(scipy.stats.pearsonr([1, 2, 3], [1, 3, 2]).pvalue)
    assert math.isnan(found.low)


def test_pearson_of_a_line_is_one_with_p_zero():
    found = stats.pearson([1, 2, 3, 4], [2, 4, 6, 8])
    assert (round(found.r, 12), round(found.p, 12)) == (1, 0)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([1, 2], [1, 2], "2 pairs: a correlation needs at least 3"),
        ([1, 2, math.nan], [1, 2, 3], "2 pairs: a correlation needs at least 3"),
        ([0.1, 0.1, 0.1, 0.1], [1, 2, 3, 4], "one side is constant"),
        ([1, 2, 3], [0.1 + 0.2] * 3, "one side is constant"),
    ],
)
def test_pearson_without_an_answer_is_nan_with_the_reason_and_no_warning(x, y, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = stats.pearson(x, y)
    assert math.isnan(found.r)
    assert math.isnan(found.p)
    assert found.reason == reason


def test_aubc_weighs_budgets_by_their_distance():
    # Between 10 and 20 the curve is on average .6, between 20 and 50 it is .8.
    assert stats.aubc([10, 20, 50], [0.5, 0.7, 0.9]) == pytest.approx((10 * 0.6 + 30 * 0.8) / 40)


def test_aubc_of_a_flat_curve_is_its_height():
    assert stats.aubc([1, 7, 9, 40], [0.3] * 4) == pytest.approx(0.3)


def test_aubc_of_one_budget_is_nan():
    assert math.isnan(stats.aubc([10], [0.5]))


def test_images_to_reach_lies_on_the_line_between_budgets():
    assert stats.images_to_reach([10, 20, 40], [0.5, 0.6, 0.8], 0.7) == pytest.approx(30)


def test_images_to_reach_takes_the_first_crossing_of_a_curve_that_dips():
    assert stats.images_to_reach([10, 20, 30, 40], [0.5, 0.7, 0.6, 0.9], 0.6) == pytest.approx(15)


def test_images_to_reach_is_the_first_budget_from_above_and_nan_from_below():
    assert stats.images_to_reach([10, 20], [0.7, 0.8], 0.6) == 10
    assert math.isnan(stats.images_to_reach([10, 20], [0.7, 0.8], 0.9))


def test_annotation_saved_at_equal_auc():
    needed, saved = stats.annotation_saved([10, 20, 40], [0.6, 0.8, 0.9], [0.5, 0.6, 0.7])
    np.testing.assert_allclose(needed, [10, 10, 15])
    np.testing.assert_allclose(saved, [0, 0.5, 0.625])


def test_annotation_saved_is_negative_for_the_slower_and_nan_for_who_never_arrives():
    _, saved = stats.annotation_saved([10, 20, 40], [0.4, 0.5, 0.6], [0.5, 0.6, 0.7])
    np.testing.assert_allclose(saved, [-1, -1, math.nan])


def test_point_density_agrees_with_counting_neighbours_in_the_cell():
    x, y = RNG.uniform(size=(2, 300))
    bins = int(math.sqrt(300) / 2)
    cell = [np.minimum(((v - v.min()) / np.ptp(v) * bins).astype(int), bins - 1) for v in (x, y)]
    twin = [sum((cell[0] == a) & (cell[1] == b)) for a, b in zip(*cell, strict=True)]
    np.testing.assert_array_equal(stats.point_density(x, y), twin)
