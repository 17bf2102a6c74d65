import itertools
import math
import warnings

import numpy as np
import pytest
import scipy.stats

from analysis.statistics import paired_tests

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(5)


def every_sign(differences):
    """p of the sign-flip test, slowly."""
    observed = abs(math.fsum(differences))
    sums = [
        abs(math.fsum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return np.mean([total >= observed - 1e-12 for total in sums])


def test_sign_flips_up_to_twelve_pairs_are_all_tried():
    for trial in range(200):
        n = 2 + trial % 7
        differences = np.round(RNG.normal(0.3, 1, n), trial % 3)  # rounded: ties and zeros
        assert paired_tests.sign_flip_p(differences) == pytest.approx(every_sign(differences))


def test_sign_flips_agree_with_scipy_s_permutation_test():
    differences = RNG.normal(0.4, 1, 9)
    theirs = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert paired_tests.sign_flip_p(differences) == pytest.approx(theirs.pvalue)


def test_random_sign_flips_come_near_the_exact_p():
    differences = RNG.normal(0.35, 1, 16)
    assert paired_tests.sign_flip_p(differences) == pytest.approx(
        every_sign(differences), abs=0.012
    )


def test_sign_flips_are_the_same_on_every_call():
    differences = RNG.normal(0.3, 1, 40)
    assert paired_tests.sign_flip_p(differences) == paired_tests.sign_flip_p(differences)


@pytest.mark.parametrize(("n", "least"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (100, 1e-4)])
def test_no_sign_flip_p_is_below_the_least(n, least):
    clear = np.linspace(1, 2, n)
    assert paired_tests.paired_test(clear).least_p == least == paired_tests.sign_flip_p(clear)


@pytest.mark.parametrize("n", [2, 3, 7, 30])
def test_student_s_p_agrees_with_scipy(n):
    ours, theirs = RNG.normal(size=(2, n))
    expected = scipy.stats.ttest_rel(ours, theirs).pvalue
    assert paired_tests.student_p(ours - theirs) == pytest.approx(expected)


@pytest.mark.parametrize("n", [3, 6, 12, 40])
def test_wilcoxon_s_p_agrees_with_scipy_where_pairs_are_equal_too(n):
    differences = RNG.normal(0.3, 1, n)
    expected = scipy.stats.wilcoxon(differences).pvalue
    assert paired_tests.wilcoxon_p([*differences, 0.0, 0.0]) == pytest.approx(expected)


def test_effect_size_is_hedges_corrected():
    # Mean 2, std 1; 1 - 3 / (4 * 2 - 1) = 4 / 7.
    assert paired_tests.effect_size([1, 2, 3]) == pytest.approx(8 / 7)


def test_differences_that_do_not_vary_have_no_student_test_but_a_sign_flip_test():
    found = paired_tests.paired_test([0.1, 0.1, 0.1])
    assert math.isnan(found.p_student)
    assert math.isnan(found.effect)
    assert found.p_permutation == found.p_wilcoxon == 0.25


def test_without_any_difference_every_p_is_one_or_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = paired_tests.paired_test([0.0, 0.0, 0.0])
    assert math.isnan(found.p_student)
    assert (found.p_permutation, found.p_wilcoxon) == (1, 1)


@pytest.mark.parametrize("differences", [[], [0.1], [math.nan, 0.1]])
def test_fewer_than_two_pairs_have_no_test(differences):
    assert all(math.isnan(value) for value in paired_tests.paired_test(differences))


def test_holm_agrees_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    for m in (1, 2, 7, 40):  # its calls are slow
        p = np.round(RNG.uniform(size=m) ** 3, 2)  # ties
        np.testing.assert_allclose(
            paired_tests.holm(p), multitest.multipletests(p, method="holm")[1]
        )


def test_holm_agrees_with_its_definition():
    for _ in range(200):
        p = np.round(RNG.uniform(size=RNG.integers(1, 9)) ** 3, 2)
        found = paired_tests.holm(p)
        for k, value in enumerate(p):
            below = np.sort(p[p <= value])
            steps = [(len(p) - i) * q for i, q in enumerate(below)]
            assert found[k] == pytest.approx(min(1, max(steps)))


def test_holm_by_hand():
    np.testing.assert_allclose(paired_tests.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])


def test_holm_leaves_out_what_was_not_tested():
    found = paired_tests.holm([0.02, math.nan, 0.03])
    np.testing.assert_allclose(found, [0.04, math.nan, 0.04])
    assert len(paired_tests.holm([])) == 0


@pytest.mark.parametrize("n", [2, 3, 5, 20, 100])
@pytest.mark.parametrize("effect", [0.0, 0.2, 1.0, 3.0, 20.0])
def test_power_agrees_with_the_integral_over_the_spread(n, effect):
    edge, shift = scipy.stats.t.isf(0.025, n - 1), effect * math.sqrt(n)
    spreads = np.sqrt(scipy.stats.chi2.ppf((np.arange(200_000) + 0.5) / 200_000, n - 1) / (n - 1))
    normal = scipy.stats.norm
    by_spread = normal.sf(edge * spreads - shift) + normal.cdf(-edge * spreads - shift)
    assert paired_tests.power(n, effect) == pytest.approx(by_spread.mean(), abs=1e-5)


@pytest.mark.parametrize("n", [2, 5, 20, 100])
@pytest.mark.parametrize("effect", [0.0, 0.2, 0.8])
def test_power_agrees_with_statsmodels(n, effect):
    stattools = pytest.importorskip("statsmodels.stats.power")
    theirs = stattools.TTestPower().power(effect, n, 0.05)
    assert paired_tests.power(n, effect) == pytest.approx(theirs, abs=1e-6)


def test_seeds_needed_agree_with_statsmodels():
    stattools = pytest.importorskip("statsmodels.stats.power")
    for effect in (0.1, 0.35, 0.8, 1.4):
        theirs = stattools.TTestPower().solve_power(effect, alpha=0.05, power=0.8)
        assert paired_tests.seeds_needed(effect * 0.02, 0.02) == math.ceil(theirs)


def test_seeds_needed_are_the_fewest_with_the_power():
    found = int(paired_tests.seeds_needed(0.012, 0.02))
    assert paired_tests.power(found, 0.6) >= 0.8 > paired_tests.power(found - 1, 0.6)


def test_no_number_of_seeds_shows_no_difference():
    assert math.isnan(paired_tests.seeds_needed(0, 0.02))
    assert math.isnan(paired_tests.seeds_needed(1e-9, 0.02))
    assert math.isnan(paired_tests.seeds_needed(0.01, math.nan))


def test_what_is_detectable_has_the_power():
    for n in (2, 3, 10, 100):
        assert paired_tests.power(n, paired_tests.detectable(n, 0.02) / 0.02) == pytest.approx(0.8)
    assert math.isnan(paired_tests.detectable(1, 0.02))


def test_tests_hold_their_level_on_null_data_and_holm_that_of_the_family():
    """6 strategies equal to random, 8 seeds, 600 studies: at most 5 % are wrong somewhere."""
    rng = np.random.default_rng(1)
    single, family = [], []
    for _ in range(600):
        random = rng.normal(0.9, 0.02, 8)
        differences = rng.normal(0.9, 0.02, (6, 8)) - random  # share random's values
        tests = [(paired_tests.student_p(d), paired_tests.sign_flip_p(d)) for d in differences]
        single.append(np.mean(np.array(tests) < 0.05, axis=0))
        corrected = np.column_stack([paired_tests.holm(p) for p in np.array(tests).T])
        family.append((corrected < 0.05).any(axis=0))
    above = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)
    assert (np.mean(single, axis=0) <= above).all()
    assert (np.mean(family, axis=0) <= above).all()
    assert np.mean(single, axis=0)[0] > 0.03  # Student's is not merely timid
