import numpy as np
import pytest

from rayal.kernels.ball_cover import greedy_ball_cover, pure_radius
from rayal.kernels.clustering import kmeans, unit_rows
from rayal.strategies.probcover import probcover
from tests.strategies.unlabeled_pools import pool_of


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blobs() -> tuple[np.ndarray, np.ndarray]:
    truth = np.repeat(np.arange(3), [40, 30, 20])
    return 20 * np.eye(3)[truth] + rng().normal(size=(len(truth), 3)), truth


@pytest.mark.parametrize("delta", ["auto", 0.3])
def test_the_densest_uncovered_blob_comes_first(delta: float | str) -> None:
    features, truth = blobs()
    assert truth[probcover(pool_of(features, num_classes=3), 3, rng(), delta=delta)].tolist() == [
        0,
        1,
        2,
    ]
    assert truth[
        probcover(pool_of(features, [0], num_classes=3), 2, rng(), delta=delta)
    ].tolist() == [1, 2]


@pytest.mark.slow
def test_auto_is_the_pure_radius_of_as_many_clusters_as_classes() -> None:
    features = rng().normal(size=(80, 5))
    draw, given = rng(3), pool_of(features, [1, 2], num_classes=3)
    points = unit_rows(given.features)
    radius = pure_radius(points, kmeans(points, 3, draw)[0], draw)
    expected = greedy_ball_cover(points, given.labeled, 30, radius, draw)
    assert np.array_equal(probcover(given, 30, rng(3)), expected)


def test_budgets_nest_with_a_number_for_delta() -> None:
    given = pool_of(rng().normal(size=(80, 5)), num_classes=3)
    small, large = (probcover(given, b, rng(), delta=0.5) for b in (5, 80))
    assert np.array_equal(large[:5], small)


def test_a_radius_that_reaches_no_other_image_is_warned_of() -> None:
    given = pool_of(rng().normal(size=(80, 5)))
    with pytest.warns(UserWarning, match=r"no image is closer than delta=0.001 to another .* away"):
        assert probcover(given, 3, rng(), delta=0.001).tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("error")
def test_a_radius_that_reaches_others_is_not_warned_of() -> None:
    features = rng().normal(size=(80, 5))
    features[70] = features[40]
    assert probcover(pool_of(features), 1, rng(), delta=0.001).tolist() == [40]
    probcover(pool_of(features, [40]), 2, rng(), delta=1.0)


@pytest.mark.parametrize("labeled", [[], [40]])
def test_balls_that_come_to_hold_one_more_image_each_are_warned_of(labeled: list[int]) -> None:
    """Which of these are chosen is no more than their place in the pool."""
    features = rng().normal(size=(80, 5))
    features[70] = features[40]
    with pytest.warns(UserWarning, match="the first in the pool are taken"):
        picks = probcover(pool_of(features, labeled), 5, rng(), delta=0.001)
    assert picks.tolist() == ([0, 1, 2, 3, 4] if labeled else [40, 0, 1, 2, 3])


@pytest.mark.filterwarnings("error")
def test_balls_of_one_more_image_that_are_all_chosen_are_not_warned_of() -> None:
    features = rng().normal(size=(80, 5))
    features[70] = features[40]
    probcover(pool_of(features), 79, rng(), delta=0.001)


def test_the_warning_comes_in_the_sampled_form_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayal.strategies._large_pools.LARGE", 50)
    with pytest.warns(UserWarning, match="no image is closer"):
        probcover(pool_of(rng().normal(size=(80, 5))), 3, rng(), delta=0.001)
