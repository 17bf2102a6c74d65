import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool
from rayal.kernels.clustering import unit_rows
from rayal.kernels.validation import as_points, check_budget, check_finite
from rayal.registry import STRATEGIES


@pytest.mark.parametrize("budget", [-1, 0, 8])
def test_a_budget_that_the_pool_cannot_meet_is_refused_with_the_bound(budget: int) -> None:
    with pytest.raises(ValueError, match=f"a budget of {budget} is not between 1 and the 7 images"):
        check_budget(budget, 7)


def test_budgets_of_one_and_of_all_that_is_left_pass() -> None:
    check_budget(1, 7)
    check_budget(7, 7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_with_its_row(bad: float) -> None:
    values = np.zeros((5, 2), dtype=np.float32)
    values[3, 1] = bad
    with pytest.raises(ValueError, match=r"probs must be finite, but 1 of 5 .* row 3"):
        check_finite(values, "probs")


def test_large_finite_values_pass_although_their_sum_overflows() -> None:
    check_finite(np.full((5, 2), 3e38, dtype=np.float32), "features")


def test_points_are_float32_and_not_copied_without_need() -> None:
    points = np.ones((4, 3), np.float32)
    assert as_points(points) is points
    for other in (points.astype(np.float64), np.asfortranarray(points), points.astype(np.float16)):
        made = as_points(other)
        assert made.dtype == np.float32
        assert made.flags.c_contiguous
        assert np.array_equal(made, other)
    assert as_points(np.zeros((0, 3))).shape == (0, 3)
    assert not as_points(np.zeros((2, 3))).any()


def test_unit_rows_leave_their_input_as_it_is() -> None:
    points = np.full((4, 3), 2, np.float32)
    points.flags.writeable = False
    assert np.allclose((unit_rows(points) ** 2).sum(axis=1), 1)
    assert np.array_equal(points, np.full((4, 3), 2))
    assert np.allclose((unit_rows(points, np.array([1, 3])) ** 2).sum(axis=1), 1)


GOOD = np.random.default_rng(0).normal(size=(40, 5))
BAD = {
    "no column": (np.zeros((40, 0)), r"at least one column, got \(40, 0\)"),
    "one dimension": (np.zeros(40), "at least one column"),
    "NaN": (np.where(np.arange(40) == 7, np.nan, 1.0)[:, None], "must be finite.* row 7"),
    "beyond 32 bits": (GOOD * 1e200, "in 32 bits, must be finite"),
    "squares beyond 32 bits": (GOOD * 1e20, "squares of differences have to fit 32 bits"),
    "squares that vanish": (GOOD * 1e-30, "squares of differences have to fit 32 bits"),
}


@pytest.mark.parametrize(("features", "message"), BAD.values(), ids=BAD.keys())
def test_features_without_distances_are_refused(features: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_points(features)


@pytest.mark.parametrize("name", [
    "kmeans", "multi_kmeans", "k_center", "farthest_point", "typiclust", "tcm", "probcover",
    "maxherding", "uherding", "coreset_mip",
])  # fmt: skip
@pytest.mark.parametrize("kind", ["no column", "beyond 32 bits", "squares beyond 32 bits"])
def test_no_strategy_answers_from_features_without_distances(name: str, kind: str) -> None:
    """It would run without an end, end the interpreter, or give the first positions."""
    pool = Pool(BAD[kind][0], np.full(40, UNLABELED), 3)
    with pytest.raises(ValueError, match="the features"):
        STRATEGIES.find(name).function(pool, 5, np.random.default_rng(0))
