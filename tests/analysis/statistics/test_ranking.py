import itertools
import math

import numpy as np
import pytest
import scipy.stats

from analysis.statistics import paired_tests, ranking

RNG = np.random.default_rng(2)


def test_friedman_agrees_with_scipy_ties_included():
    for _ in range(50):
        values = RNG.integers(5, size=(RNG.integers(3, 9), RNG.integers(3, 7))).astype(float)
        theirs = scipy.stats.friedmanchisquare(*values.T)
        if np.isfinite(theirs.pvalue):
            assert ranking.ranking(values).p_friedman == pytest.approx(theirs.pvalue)


def test_critical_differences_of_demsar_s_table():
    # q of 2 to 10 strategies at .05: Demsar (2006), Table 5a.
    printed = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)
    for s, q in zip(range(2, 11), printed, strict=True):
        found = ranking.ranking(RNG.normal(size=(14, s))).critical_difference
        assert found == pytest.approx(q * math.sqrt(s * (s + 1) / (6 * 14)), rel=5e-4)


def test_iman_and_davenport_s_f_comes_of_friedman_s_chi_square():
    values = RNG.normal(size=(14, 4)) + 0.3 * np.arange(4)
    chi2 = scipy.stats.friedmanchisquare(*values.T).statistic
    f = 13 * chi2 / (14 * 3 - chi2)
    assert ranking.ranking(values).p == pytest.approx(scipy.stats.f.sf(f, 3, 39))


@pytest.mark.parametrize("n", [2, 3])
def test_the_same_order_everywhere_has_the_chance_of_it(n):
    """Iman and Davenport's F has no end there, and its p was 0: of two settings, too."""
    orders = itertools.product(itertools.permutations([0.9, 0.8, 0.7]), repeat=n)
    alike = np.mean([len(set(every)) == 1 for every in orders])
    found = ranking.ranking(np.tile([0.9, 0.8, 0.7], (n, 1)))
    assert found.p == pytest.approx(alike)


def test_strategies_that_are_all_tied_do_not_differ():
    found = ranking.ranking(np.full((5, 3), 0.8))
    assert (found.ranks.tolist(), found.p) == ([2, 2, 2], 1)


def test_the_highest_value_has_rank_one():
    np.testing.assert_array_equal(ranking.ranking([[0.9, 0.7], [0.8, 0.8]]).ranks, [1.25, 1.75])


def test_one_dataset_has_ranks_and_no_test():
    found = ranking.ranking([[0.9, 0.7, 0.8]])
    assert found.ranks.tolist() == [1, 3, 2]
    assert np.isnan([found.p, found.critical_difference]).all()


def test_settings_of_one_dataset_are_no_further_datasets():
    """Two learners on the same choices: p was 1 / 5! though one dataset tells of no other."""
    found = ranking.ranking(np.tile(np.arange(5.0), (2, 1)), ["digits", "digits"])
    assert found.ranks.tolist() == [5, 4, 3, 2, 1]
    assert np.isnan([found.p, found.p_friedman, found.critical_difference]).all()


def test_a_setting_measured_twice_changes_no_test():
    values = RNG.normal(size=(6, 4))
    once = ranking.ranking(values)
    doubled = ranking.ranking(
        np.repeat(values, 2, axis=0), [name for name in "abcdef" for _ in "12"]
    )
    assert once.p == pytest.approx(doubled.p)
    assert once.p_friedman == pytest.approx(doubled.p_friedman)
    assert once.critical_difference == doubled.critical_difference


def test_tests_over_datasets_with_several_settings_keep_their_level():
    """Settings of a dataset agree with one another, and no strategy is better than another."""
    rng, false = np.random.default_rng(5), 0
    names = [name for name in "abcde" for _ in range(4)]
    for _ in range(200):
        of_dataset = np.repeat(rng.normal(size=(5, 4)), 4, axis=0)
        false += ranking.ranking(of_dataset + rng.normal(0, 0.5, (20, 4)), names).p < 0.05
    assert false <= 20  # .05 of 200 and 3 standard deviations


def test_strategies_that_share_a_letter_are_those_of_a_run_within_the_difference():
    for _ in range(300):
        values = np.round(RNG.uniform(1, 6, RNG.integers(1, 7)), 1)
        letters = ranking.compact_letters(values, 1.05)
        for i, j in itertools.combinations(range(len(values)), 2):
            near = abs(values[i] - values[j]) < 1.05
            assert bool(set(letters[i]) & set(letters[j])) == near
        assert all(letters)


def slow_contests(cells):
    """Wins of i over j, one pair at a time."""
    s = cells[0].shape[1]
    wins, untested = np.zeros((s, s), int), np.zeros((s, s), int)
    for values in cells:
        pairs = list(itertools.combinations(range(s), 2))
        p, mean = [], []
        for i, j in pairs:
            d = values[:, i] - values[:, j]
            d = d[np.isfinite(d)]
            p.append(paired_tests.student_p(d))
            mean.append(d.mean() if len(d) > 1 else math.nan)
            untested[i, j] += len(d) < 2
            untested[j, i] += len(d) < 2
        for (i, j), corrected, m in zip(pairs, paired_tests.holm(p), mean, strict=True):
            if corrected < 0.05:
                wins[(i, j) if m > 0 else (j, i)] += 1
    return wins, untested


def test_contests_agree_with_one_pair_at_a_time():
    for _ in range(60):
        s = int(RNG.integers(2, 5))
        cells = [RNG.normal(0, 1, (6, s)) + 2 * RNG.normal(size=s) for _ in range(3)]
        for cell in cells:
            cell[RNG.uniform(size=cell.shape) < 0.25] = np.nan
        found = ranking.win_counts(cells)
        wins, untested = slow_contests(cells)
        np.testing.assert_array_equal(found.wins, wins)
        np.testing.assert_array_equal(found.losses, wins.T)
        np.testing.assert_array_equal(found.untested, untested)
        whole = found.wins + found.ties + found.losses + found.untested
        np.testing.assert_array_equal(whole, 3 * (1 - np.eye(s)))


def test_the_row_is_the_winner():
    better = np.array([[0.9, 0.5], [0.91, 0.52], [0.93, 0.5], [0.9, 0.51]])
    found = ranking.win_counts([better])
    assert found.wins.tolist() == [[0, 1], [0, 0]]
    assert found.losses.tolist() == [[0, 0], [1, 0]]


def test_equal_strategies_rarely_win():
    rng = np.random.default_rng(4)
    cells = [rng.normal(size=(5, 4)) for _ in range(400)]
    found = ranking.win_counts(cells)
    assert found.wins.sum() / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_values_that_differ_by_rounding_alone_share_their_rank():
    values = [[0.1 + 0.2, 0.3, 0.2], [0.5, 0.5, 0.4]]
    assert values[0][0] != values[0][1]
    np.testing.assert_array_equal(ranking.ranking(values).ranks, [1.5, 1.5, 3])


def test_strategies_at_one_place_of_a_cell_are_one_there_and_tie():
    better = np.array([[0.9, 0.5], [0.91, 0.52], [0.93, 0.5], [0.9, 0.51]])
    found = ranking.win_counts([better], None, [[0, 0, 1, -1]])
    assert found.wins.tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.ties[0, 1] == found.ties[1, 0] == 1
    assert found.untested[3].tolist() == [1, 1, 1, 0]
