import numpy as np
import pytest

from analysis.statistics import choices


def test_values_of_one_choice_are_one_value():
    found = choices.by_choice([0.5, 0.7, 0.9, np.nan], ["b", "a", "b", "c"])
    assert found == pytest.approx([0.7, 0.7])


def test_distinct_choices_are_left_as_they_are():
    values = np.random.default_rng(0).normal(size=9)
    assert (choices.by_choice(values, np.arange(9)[::-1]) == values).all()


def test_rows_of_one_choice_are_averaged_column_by_column():
    rows = [[0.2, 0.4], [0.4, np.nan], [0.9, 1.0]]
    found = choices.rows_by_choice(rows, ["x", "x", "y"])
    np.testing.assert_allclose(found, [[0.3, 0.4], [0.9, 1.0]])


def test_pairs_count_once_a_choice_of_the_side_that_made_fewer():
    differences = [0.1, 0.2, 0.3, 0.4]
    for sides in ((["d"] * 4, "abcd"), ("abcd", ["d"] * 4)):
        assert choices.paired_by_choice(differences, *map(list, sides)) == pytest.approx([0.25])
    two = choices.paired_by_choice(differences, list("xxyy"), list("abcd"))
    assert two == pytest.approx([0.15, 0.35])


def test_a_place_among_draws_counts_those_below():
    assert choices.place_among(0.5, [0.1, 0.2, 0.9, np.nan]) == (2, 3)
    assert choices.place_among(0.5, [0.5, 0.5, 0.9]) == (0, 3)  # a tie is not above
    assert choices.place_among(0.1 + 0.2, [0.3]) == (0, 1)
    assert choices.place_among(0.5, []) == (0, 0)


def test_the_error_of_choices_made_equally_often_is_that_of_their_means():
    values, which = np.array([0.1, 0.3, 0.4, 0.8, 0.5, 0.9]), ["a", "a", "b", "b", "c", "c"]
    found = choices.moments_by_choice(values, which)
    means = values.reshape(3, 2).mean(axis=1)
    assert found == pytest.approx((values.mean(), means.std(ddof=1), 3))


def test_the_error_of_choices_made_unequally_often_is_that_of_a_mean_of_clusters():
    values, which = np.array([0.1, 0.3, 0.2, 0.8, np.nan]), ["a", "a", "a", "b", "c"]
    found = choices.moments_by_choice(values, which)
    sums = np.array([-0.45, 0.45])  # of what the values of each choice are away from the mean
    assert found.mean == pytest.approx(0.35)
    assert found.std**2 / found.n == pytest.approx((sums**2).sum() * 2 / 4**2)
