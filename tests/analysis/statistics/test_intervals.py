import math
import warnings

import numpy as np
import pytest
import scipy.stats

from analysis.statistics import intervals

RNG = np.random.default_rng(7)


def test_std_is_the_sample_standard_deviation():
    assert intervals.std([1, 2, 3, 4]) == pytest.approx(math.sqrt(5 / 3))


def test_mean_and_std_leave_out_what_is_not_finite():
    assert intervals.mean([1, math.nan, 3]) == 2
    assert intervals.std([1, math.nan, 3]) == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize(
    "values", [[], [0.5], [math.nan, math.nan]], ids=["empty", "one", "not finite"]
)
def test_spread_of_fewer_than_two_values_is_nan_without_a_warning(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(intervals.std(values))
        assert math.isnan(intervals.student_interval(values).high)


def test_student_interval_agrees_with_scipy():
    values = RNG.normal(size=5)
    theirs = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    np.testing.assert_allclose(intervals.student_interval(values), [theirs.low, theirs.high])


def test_paired_difference_counts_whole_pairs_only():
    found = intervals.paired_difference([0.9, 0.8, math.nan, 0.7], [0.8, 0.6, 0.5, math.nan])
    assert found.n == 2
    assert found.mean == pytest.approx(0.15)
    assert found.std == pytest.approx(math.sqrt(0.005))


def test_welch_agrees_with_scipy_and_uses_every_value():
    rng = np.random.default_rng(0)
    for n, m in ((2, 100), (5, 100), (30, 3)):
        ours, theirs = rng.normal(0.5, 2, n), rng.normal(size=m)
        found = intervals.welch(ours, theirs)
        known = scipy.stats.ttest_ind(ours, theirs, equal_var=False)
        interval = known.confidence_interval()
        expected = [ours.mean() - theirs.mean(), interval.low, interval.high, known.pvalue]
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_welch_needs_two_values_a_side_and_some_spread():
    for ours, theirs in (([1.0], [0.0, 2.0]), ([1.0, 1.0], [0.0, 0.0]), ([1, np.nan], [0, 2])):
        found = intervals.welch(ours, theirs)
        assert found.all_mean in (0.0, 1.0)
        assert np.isnan(found.p_welch)


@pytest.mark.parametrize(
    ("n", "spread", "most"),
    [(3, 1.0, 0.085), (5, 1.0, 0.065), (5, 0.3, 0.065), (5, 3.0, 0.065), (20, 1.0, 0.065)],
)
def test_welch_holds_its_level_of_5_percent_against_a_hundred_seeds(n, spread, most):
    rng = np.random.default_rng(n)
    p = [
        intervals.welch(rng.normal(0, spread, n), rng.normal(size=100)).p_welch for _ in range(4000)
    ]
    assert 0.035 < np.mean(np.array(p) < 0.05) < most
