import numpy as np
import pytest

from rayal.kernels import ball_graph as module
from rayal.kernels import rounded_products
from rayal.kernels.ball_cover import greedy_ball_cover
from rayal.kernels.ball_graph import ball_graph
from rayal.kernels.balls import Balls
from rayal.kernels.clustering import unit_rows
from rayal.kernels.gemm_distances import error_bound
from tests.draws import draws

NONE = np.array([], dtype=np.int64)


def some_balls(seed: int, *, unit: bool = False) -> Balls:
    """Points with copies, and a radius that is the distance of two of them."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(20, 400), rng.integers(2, 9))).astype(np.float32)
    points[: len(points) // 4] = points[-1]
    points = unit_rows(points) if unit else points
    first, second = rng.choice(np.arange(len(points) // 4, len(points)), 2, replace=False)
    difference = points[first].astype(np.float64) - points[second]
    return Balls(points, float(difference @ difference) / 4, error_bound(points))


@pytest.fixture
def by_rounded_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch multiplies bfloat16 on any processor, if slowly on some."""
    monkeypatch.setattr(rounded_products, "WORTH_TORCH", 0)
    monkeypatch.setattr(rounded_products, "FEW", 1.0)
    monkeypatch.setattr(rounded_products, "_has_bfloat16", lambda: True)
    monkeypatch.setattr(module, "ROUNDED_ROWS", 37)


def assert_answers_are_the_same(balls: Balls, seed: int) -> None:
    graph = ball_graph(balls)
    assert graph is not None
    centers = np.random.default_rng(seed).permutation(len(balls.points))[:9]
    for asked in (centers, centers[:1], NONE):
        assert np.array_equal(graph.covered_by(asked), balls.covered_by(asked))
        assert np.array_equal(graph.counts(asked), balls.counts(asked))


@pytest.mark.parametrize("seed", draws(30))
def test_a_kept_graph_answers_as_balls_that_are_worked_out_anew(seed: int) -> None:
    assert_answers_are_the_same(some_balls(seed), seed)


@pytest.mark.parametrize("seed", draws(30))
@pytest.mark.usefixtures("by_rounded_products")
def test_rounded_products_exclude_no_near_point(seed: int) -> None:
    balls = some_balls(seed, unit=True)
    sample = np.arange(len(balls.points))
    assert rounded_products.rounded_products(balls, sample) is not None or (
        balls.squared_radius > 1.9
    )
    assert_answers_are_the_same(balls, seed)


@pytest.mark.usefixtures("by_rounded_products")
def test_points_of_uneven_lengths_are_left_to_float32() -> None:
    balls = some_balls(0)
    assert rounded_products.rounded_products(balls, np.arange(len(balls.points))) is None


def test_a_graph_of_too_many_pairs_is_not_kept_and_the_picks_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = unit_rows(np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32))
    kept = greedy_ball_cover(points, NONE, 40, 0.4, np.random.default_rng(0))
    balls = Balls(points, 0.4**2, error_bound(points))
    above = ball_graph(balls)
    assert above is not None
    for most in (0, above.above.nnz - 1):  # by the estimate, and while it is made
        monkeypatch.setattr(module, "PAIRS", most)
        monkeypatch.setattr(module, "SAMPLE", 300 if most == 0 else 1)
        assert ball_graph(balls) is None
        anew = greedy_ball_cover(points, NONE, 40, 0.4, np.random.default_rng(0))
        assert np.array_equal(kept, anew)


@pytest.mark.parametrize("radius", [0.0, np.inf])
def test_no_graph_is_kept_of_balls_that_hold_nothing_or_more_than_can_be_kept(
    radius: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAIRS", 100)
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    assert ball_graph(Balls(points, radius**2, error_bound(points))) is None
