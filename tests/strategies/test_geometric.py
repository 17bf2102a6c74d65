"""`space` and `normalize` of the strategies that compare features alone."""

from typing import Any

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Indices, Pool, Predictions
from rayal.kernels.clustering import unit_rows
from rayal.registry import STRATEGIES

N, CLASSES = 60, 3
GEOMETRIC = [
    "coreset_mip", "facility_location", "farthest_point", "k_center", "kmeans", "maxherding",
    "multi_kmeans", "optimal_design", "probcover", "tcm", "typiclust", "uherding",
]  # fmt: skip
RAW = ["coreset_mip", "k_center", "kmeans", "multi_kmeans", "optimal_design"]
QUICK: dict[str, dict[str, Any]] = {"coreset_mip": {"outliers": 0.0}}


def pool(features: np.ndarray, hidden: np.ndarray) -> Pool:
    labels = np.full(N, UNLABELED)
    labels[[3, 30]] = [0, 1]
    probs = np.random.default_rng(2).dirichlet(np.ones(CLASSES), N).astype(np.float32)
    weights = np.ones((CLASSES, hidden.shape[1] + 1), np.float32)
    predictions = Predictions(
        test=probs[:1],
        predict_pool=lambda: probs,
        penultimate_features=lambda: hidden,
        last_layer=lambda: weights,
    )
    return Pool(features, labels, CLASSES, predictions=predictions)


def points(seed: int, D: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(N, D)) + 3 * np.eye(D)[rng.integers(D, size=N)]
    return (directions * rng.lognormal(0, 1, (N, 1))).astype(np.float32)


def chosen(name: str, which: Pool, **params: Any) -> Indices:
    strategy = STRATEGIES.find(name)
    bound = strategy.bind({**QUICK.get(name, {}), **params})
    found: Indices = strategy.function(which, 5, np.random.default_rng(0), **bound)
    return found


def test_these_are_all_that_have_a_space() -> None:
    having = [n for n in STRATEGIES.names() if "space" in STRATEGIES.find(n).parameters]
    assert having == GEOMETRIC


@pytest.mark.parametrize("name", GEOMETRIC)
def test_hidden_space_is_as_if_the_last_layers_features_were_the_encoders(name: str) -> None:
    features, hidden = points(0, 6), points(1, 4)
    expected = chosen(name, pool(hidden, hidden))
    assert chosen(name, pool(features, hidden), space="hidden").tolist() == expected.tolist()
    assert chosen(name, pool(features, hidden)).tolist() != expected.tolist()


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("space", ["features", "hidden"])
def test_normalize_is_as_if_features_had_unit_length(name: str, space: str) -> None:
    features, hidden = points(0, 6), points(1, 4)
    unit = pool(unit_rows(features), unit_rows(hidden))
    found = chosen(name, pool(features, hidden), space=space, normalize=True)
    assert found.tolist() == chosen(name, unit, space=space, normalize=False).tolist()


@pytest.mark.parametrize("name", GEOMETRIC)
def test_a_strategy_compares_unit_length_or_has_a_parameter_for_it(name: str) -> None:
    strategy = STRATEGIES.find(name)
    always = strategy.traits.unit_length({"normalize": False})
    assert always != ("normalize" in strategy.parameters)


@pytest.mark.parametrize("name", GEOMETRIC)
def test_hidden_space_needs_a_learner_and_the_default_is_no_part_of_ids(name: str) -> None:
    strategy = STRATEGIES.find(name)
    assert "hidden" in strategy.traits.needs(strategy.bind({"space": "hidden"}))
    assert "hidden" not in strategy.traits.needs(strategy.bind({}))
    if name != "k_center":  # had the parameter from the first
        assert "space" not in strategy.bind({})
