import math

import numpy as np
import pytest

from rayal.kernels import uncertainty


def some_passes(seed: int, T: int = 5, n: int = 20, C: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    passes = rng.dirichlet(np.full(C, 0.3), size=(T, n))
    passes[:, 0] = np.eye(C)[1]  # saturated, and the same in all passes
    return passes


def slow_entropy(row: np.ndarray) -> float:
    return -sum(p * math.log(p) for p in row if p > 0)


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_their_definitions_image_by_image(seed: int) -> None:
    passes = some_passes(seed)
    T, n, C = passes.shape
    information = uncertainty.mutual_information(iter(passes))
    deviations = np.sqrt(uncertainty.variances(iter(passes)))
    ratios = uncertainty.variation_ratio(iter(passes))
    margins = uncertainty.negative_margin(passes[0])
    for i in range(n):
        mean = passes[:, i].mean(axis=0)
        expected = slow_entropy(mean) - sum(slow_entropy(p) for p in passes[:, i]) / T
        assert information[i] == pytest.approx(expected, abs=1e-12)
        assert deviations[i] == pytest.approx(passes[:, i].std(axis=0), abs=1e-8)
        votes = [list(p).index(max(p)) for p in passes[:, i]]
        assert ratios[i] == pytest.approx(1 - max(votes.count(c) for c in range(C)) / T)
        first, second = sorted(passes[0, i])[::-1][:2]
        assert margins[i] == pytest.approx(second - first)
    np.testing.assert_allclose(uncertainty.mean(iter(passes)), passes.mean(axis=0))


def test_passes_that_agree_have_no_spread_at_all() -> None:
    passes = np.repeat(some_passes(0, T=1), 7, axis=0)
    assert uncertainty.variances(iter(passes)).max() == 0
    assert uncertainty.variation_ratio(iter(passes)).max() == 0
    assert uncertainty.mutual_information(iter(passes)).max() < 1e-15


def test_passes_are_left_as_they_are() -> None:
    passes = some_passes(0)
    before = passes.copy()
    uncertainty.mutual_information(iter(passes))
    uncertainty.mean(iter(passes))
    assert np.array_equal(passes, before)


def test_one_class_has_a_margin() -> None:
    assert uncertainty.negative_margin(np.ones((3, 1))).tolist() == [-1, -1, -1]
