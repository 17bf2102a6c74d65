import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from rayal.kernels.agreement import cohen_kappa


def test_it_is_the_kappa_of_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first = rng.integers(0, 4, 50)
        second = np.where(rng.random(50) < 0.7, first, rng.integers(0, 4, 50))
        expected = cohen_kappa_score(first, second)
        assert cohen_kappa(first, second, 4) == pytest.approx(expected)


def test_one_class_alone_on_both_sides_is_agreement():
    same = np.zeros(5, dtype=np.int64)
    assert cohen_kappa(same, same, 3) == 1


def test_no_more_agreement_than_by_chance_is_0():
    assert cohen_kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 2) == 0
