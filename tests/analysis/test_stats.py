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
        assert math.isnan(stats.student_interval(values).high)


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
        ([1, 2, 3, 4, 5, 6], [0.1] * 6, "one side is constant"),
        ([0.7] * 10, range(10), "one side is constant"),
        ([1e9 + 0.1] * 11, range(11), "one side is constant"),
    ],
)
def test_pearson_without_an_answer_is_nan_with_the_reason_and_no_warning(x, y, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = stats.pearson(x, y)
    assert math.isnan(found.r)
    assert math.isnan(found.p)
    assert found.reason == reason


@pytest.mark.parametrize("n", [4, 5, 12, 100])
def test_spearman_agrees_with_scipy_ties_included(n):
    x = RNG.integers(6, size=n).astype(float)
    y = x + RNG.integers(4, size=n)
    x[0], y[0] = x[0] + 0.5, y[0] + 9
    theirs = scipy.stats.spearmanr(x, y)
    found = stats.spearman(x, y)
    np.testing.assert_allclose(found[:2], [theirs.statistic, theirs.pvalue], rtol=1e-9)


def test_spearman_interval_by_hand():
    x = np.arange(10.0)
    y = x[[1, 0, 3, 2, 5, 4, 7, 6, 9, 8]]
    r = 1 - 6 * 10 / (10 * 99)
    half = 1.959963984540054 * math.sqrt((1 + r * r / 2) / 7)
    found = stats.spearman(x, y)
    ends = [math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)]
    np.testing.assert_allclose([found.r, found.low, found.high], [r, *ends])


def test_a_side_that_varies_little_is_not_constant():
    x = 1e6 + 1e-3 * np.arange(5.0)
    assert stats.pearson(x, [1, 3, 2, 5, 4]).r == pytest.approx(0.8)


def test_spearman_of_a_constant_side_says_why_there_is_none():
    found = stats.spearman([1, 2, 3, 4], [5, 5, 5, 5])
    assert (math.isnan(found.r), found.reason) == (True, "one side is constant")


def test_point_density_agrees_with_counting_neighbours_in_the_cell():
    x, y = RNG.uniform(size=(2, 300))
    bins = int(math.sqrt(300) / 2)
    cell = [np.minimum(((v - v.min()) / np.ptp(v) * bins).astype(int), bins - 1) for v in (x, y)]
    twin = [sum((cell[0] == a) & (cell[1] == b)) for a, b in zip(*cell, strict=True)]
    np.testing.assert_array_equal(stats.point_density(x, y), twin)


def test_welch_agrees_with_scipy_and_uses_every_value():
    rng = np.random.default_rng(0)
    for n, m in ((2, 100), (5, 100), (30, 3)):
        ours, theirs = rng.normal(0.5, 2, n), rng.normal(size=m)
        found = stats.welch(ours, theirs)
        known = scipy.stats.ttest_ind(ours, theirs, equal_var=False)
        interval = known.confidence_interval()
        expected = [ours.mean() - theirs.mean(), interval.low, interval.high, known.pvalue]
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_welch_needs_two_values_a_side_and_some_spread():
    for ours, theirs in (([1.0], [0.0, 2.0]), ([1.0, 1.0], [0.0, 0.0]), ([1, np.nan], [0, 2])):
        found = stats.welch(ours, theirs)
        assert found.all_mean in (0.0, 1.0)
        assert np.isnan(found.p_welch)


@pytest.mark.parametrize(
    ("n", "spread", "most"),
    [(3, 1.0, 0.085), (5, 1.0, 0.065), (5, 0.3, 0.065), (5, 3.0, 0.065), (20, 1.0, 0.065)],
)
def test_welch_holds_its_level_of_5_percent_against_a_hundred_seeds(n, spread, most):
    rng = np.random.default_rng(n)
    p = [stats.welch(rng.normal(0, spread, n), rng.normal(size=100)).p_welch for _ in range(4000)]
    assert 0.035 < np.mean(np.array(p) < 0.05) < most
