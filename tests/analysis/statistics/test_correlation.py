import math
import warnings

import numpy as np
import pytest
import scipy.stats

from analysis.statistics import correlation

RNG = np.random.default_rng(7)


@pytest.mark.parametrize("n", [4, 5, 12, 100])
def test_pearson_agrees_with_scipy(n):
    x = RNG.normal(size=n)
    y = x + RNG.normal(size=n)
    theirs = scipy.stats.pearsonr(x, y)
    interval = theirs.confidence_interval()
    found = correlation.pearson(x, y)
    np.testing.assert_allclose(found[:2], [theirs.statistic, theirs.pvalue], rtol=1e-9)
    np.testing.assert_allclose(found[2:4], [interval.low, interval.high], rtol=1e-9)
    assert (found.n, found.reason) == (n, "")


def test_pearson_of_three_pairs_has_p_but_no_interval():
    found = correlation.pearson([1, 2, 3], [1, 3, 2])
    assert found.r == pytest.approx(0.5)
    assert found.p == pytest.approx(scipy.stats.pearsonr([1, 2, 3], [1, 3, 2]).pvalue)
    assert math.isnan(found.low)


def test_pearson_of_a_line_is_one_with_p_zero():
    found = correlation.pearson([1, 2, 3, 4], [2, 4, 6, 8])
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
        found = correlation.pearson(x, y)
    assert math.isnan(found.r)
    assert math.isnan(found.p)
    assert found.reason == reason


@pytest.mark.parametrize("n", [4, 5, 12, 100])
def test_spearman_agrees_with_scipy_ties_included(n):
    x = RNG.integers(6, size=n).astype(float)
    y = x + RNG.integers(4, size=n)
    x[0], y[0] = x[0] + 0.5, y[0] + 9
    theirs = scipy.stats.spearmanr(x, y)
    found = correlation.spearman(x, y)
    np.testing.assert_allclose(found[:2], [theirs.statistic, theirs.pvalue], rtol=1e-9)


def test_spearman_interval_by_hand():
    x = np.arange(10.0)
    y = x[[1, 0, 3, 2, 5, 4, 7, 6, 9, 8]]
    r = 1 - 6 * 10 / (10 * 99)
    half = 1.959963984540054 * math.sqrt((1 + r * r / 2) / 7)
    found = correlation.spearman(x, y)
    ends = [math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)]
    np.testing.assert_allclose([found.r, found.low, found.high], [r, *ends])


def test_a_side_that_varies_little_is_not_constant():
    x = 1e6 + 1e-3 * np.arange(5.0)
    assert correlation.pearson(x, [1, 3, 2, 5, 4]).r == pytest.approx(0.8)


def test_spearman_of_a_constant_side_says_why_there_is_none():
    found = correlation.spearman([1, 2, 3, 4], [5, 5, 5, 5])
    assert (math.isnan(found.r), found.reason) == (True, "one side is constant")
