"""The page on large pools, held against the model that its numbers come from."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import scale_model
from rayal.registry import STRATEGIES

PAGE = Path(__file__).parent.parent.parent / "docs" / "scale.md"


def test_the_tables_are_those_of_the_model() -> None:
    assert scale_model.markdown(scale_model.options([])) in PAGE.read_text()


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
