"""The pictures of strategies show what the code chooses."""

import re

import numpy as np
import pytest

from rayal.registry import STRATEGIES
from website import pictures, toy_problem

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["kmeans", "hacon", "margin", "bald", "msal", "best_of"])
def test_a_picture_numbers_twenty_points_from_first_to_last(name: str) -> None:
    drawn = pictures.svg(STRATEGIES.find(name))
    ranks = [int(rank) for rank in re.findall(r">(\d+)</text>", drawn)]
    assert sorted(ranks) == list(range(1, 21))
    assert len(drawn) < 10_000


def test_only_what_reads_predictions_starts_from_labels() -> None:
    chosen, before = toy_problem.choose(STRATEGIES.find("margin"))
    assert len(before) == toy_problem.START
    assert not set(chosen) & set(before)
    assert len(toy_problem.choose(STRATEGIES.find("kmeans"))[1]) == 0


def test_the_map_of_the_points_is_equation_1_point_by_point() -> None:
    embedding = toy_problem.problem().embedding
    points, views, tau = embedding.train.astype(float), embedding.views, 0.2
    assert embedding.map is not None
    assert views is not None
    for i in (0, 100, 200):
        shares = []
        for view in views.astype(float):
            weights = np.exp(-((view[i] - points) ** 2).sum(axis=1) / tau)
            shares.append(weights[i] / weights.sum())
        assert embedding.map.confidence[tau][i] == pytest.approx(np.mean(shares), rel=1e-4)
        assert embedding.map.variability[tau][i] == pytest.approx(np.std(shares), rel=1e-3)
