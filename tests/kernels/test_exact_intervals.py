import numpy as np
import pytest
from scipy.stats import binom, binomtest

from rayal.kernels.exact_intervals import proportion_interval


@pytest.mark.parametrize("n", [1, 5, 30])
def test_it_is_the_interval_of_clopper_and_pearson(n):
    for successes in range(n + 1):
        expected = binomtest(successes, n).proportion_ci(0.95, method="exact")
        assert proportion_interval(successes, n) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_it_holds_at_its_level_whatever_the_proportion(level):
    n, p = 30, np.linspace(0.001, 0.999, 400)
    held = np.zeros(len(p))
    for successes in range(n + 1):
        low, high = proportion_interval(successes, n, level)
        held += binom.pmf(successes, n, p) * ((low <= p) & (p <= high))
    assert held.min() >= level


def test_of_nothing_everything_is_possible():
    assert proportion_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(("successes", "n", "level"), [(-1, 3, 0.9), (4, 3, 0.9), (1, 3, 1)])
def test_what_makes_no_sense_is_refused(successes, n, level):
    with pytest.raises(ValueError, match=r"not between|above 0"):
        proportion_interval(successes, n, level)
