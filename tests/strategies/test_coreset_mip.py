import numpy as np
import pytest

from rayal.registry import STRATEGIES
from rayal.strategies.coreset_mip import coreset_mip
from tests.strategies.unlabeled_pools import pool_of


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


LINE = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0], [500.0]])


def test_centers_are_chosen_where_the_radius_is_smallest() -> None:
    assert coreset_mip(pool_of(LINE[:6]), 2, rng(), outliers=0).tolist() == [1, 4]


def test_outliers_are_a_part_of_the_pool_rounded_up() -> None:
    assert coreset_mip(pool_of(LINE), 2, rng()).tolist() == [1, 4]  # 1e-4 of 7 images is one image
    assert 6 in coreset_mip(pool_of(LINE), 2, rng(), outliers=0)


def test_what_is_labeled_covers_already() -> None:
    assert coreset_mip(pool_of(LINE[:6], labeled=[1]), 1, rng(), outliers=0).tolist() == [4]


def test_all_that_is_left_can_be_asked_for() -> None:
    assert coreset_mip(pool_of(LINE, labeled=[2]), 6, rng()).tolist() == [0, 1, 3, 4, 5, 6]


@pytest.mark.parametrize("wrong", [{"outliers": 1}, {"outliers": -0.1}, {"node_limit": 0}])
def test_parameters_out_of_their_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        STRATEGIES.find("coreset_mip").bind(wrong)
