"""The page on large pools, held against the model that its numbers come from."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import scale_model, scale_simulation
from rayal.registry import STRATEGIES

PAGE = Path(__file__).parent.parent.parent / "docs" / "scale.md"


def test_the_tables_are_those_of_the_model() -> None:
    assert scale_model.markdown(scale_model.options([])) in PAGE.read_text()


def test_the_simulated_times_are_those_of_the_simulation() -> None:
    assert scale_simulation.markdown(scale_simulation.options([])) in PAGE.read_text()


@pytest.mark.parametrize("name", list(scale_model.OVER_SHARDS))
def test_without_unevenness_the_simulation_is_the_model(name: str) -> None:
    N, nodes = 65_536 * 32 * 40, 16  # as many shards for each of 32 actors
    own = scale_simulation.options(["--spread", "0", "--speeds", "0"])
    work = scale_model.OVER_SHARDS[name](N, own.width, own.budget)
    seconds = scale_model.seconds_over_shards(work)
    played = scale_simulation.simulated_seconds(work, seconds, N, nodes, own)
    model = scale_model.hours(name, N, nodes, own)
    assert model is not None
    assert played == pytest.approx(3600 * model, rel=0.05)  # the last items of a queue


@pytest.mark.parametrize(
    ("points", "counts"),
    [
        (scale_model.MEASURED, scale_model.STRATEGIES),
        (scale_model.MEASURED_OVER_SHARDS, scale_model.OVER_SHARDS),
    ],
    ids=["one machine", "shards"],
)
def test_rates_are_not_negative_and_the_model_is_within_a_factor_of_ten(
    points: Sequence[scale_model.Point], counts: Mapping[str, scale_model.Count]
) -> None:
    rates = scale_model.fitted(points, counts)
    assert (rates >= 0).all()
    for point in points:
        model = scale_model.model_seconds(point, rates, counts)
        assert 0.1 < model / point[-1] < 10, point


@pytest.mark.parametrize("name", list(scale_model.STRATEGIES))
def test_work_never_shrinks_with_the_pool(name: str) -> None:
    assert name in STRATEGIES.names()
    works = [scale_model.STRATEGIES[name](N, 512, 1000).counted() for N in (1e5, 1e6, 1e7, 1e9)]
    assert all((later >= earlier).all() for earlier, later in pairwise(works))
