"""dropquery and alfamix: which images are candidates, and what is asked of them."""

from dataclasses import replace

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.kernels.last_layer import dropout_changes, mixing_changes
from rayal.registry import STRATEGIES
from rayal.strategies._cluster_representatives import cluster_representatives
from rayal.strategies.alfamix import alfamix
from rayal.strategies.dropquery import dropquery


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(known: list[int], n: int = 300, sharp: float = 1.0) -> Pool:
    hidden = rng(1).normal(size=(n, 6)).astype(np.float32)
    weights = (sharp * rng(2).normal(size=(3, 7))).astype(np.float32)
    labels = np.full(n, UNLABELED)
    labels[known] = np.arange(len(known)) % 2
    said = Predictions(
        np.empty((0, 3), np.float32),
        lambda: np.full((n, 3), 1 / 3, np.float32),
        penultimate_features=lambda: hidden,
        last_layer=lambda: weights,
    )
    return Pool(np.zeros((n, 1), np.float32), labels, 3, predictions=said)


def clustered(given: Pool, candidates: np.ndarray, budget: int, draw: np.random.Generator):
    return cluster_representatives(
        given.penultimate_features, candidates, budget, draw, normalize=True, restarts=5
    )


@pytest.mark.parametrize("budget", [2, 12])
def test_dropquery_lowers_its_threshold_until_there_are_enough_candidates(budget: int) -> None:
    given, draw = pool([3, 8]), rng()
    left = given.unlabeled
    hidden = given.penultimate_features[left]
    changes = dropout_changes(hidden, given.last_layer, 3, 0.75, draw)
    assert 50 <= np.sum(changes > 1) < 300
    threshold = 1 if budget == 2 else 0
    expected = clustered(given, left[changes > threshold], budget, draw)
    assert np.array_equal(dropquery(given, budget, rng()), expected)


def test_alfamix_moves_towards_the_means_of_the_labeled_classes() -> None:
    given = pool([3, 8, 11])
    seen = given.penultimate_features
    anchors = np.stack([seen[[3, 11]].mean(axis=0), seen[8]])
    left = given.unlabeled
    changed = mixing_changes(seen[left], given.last_layer, anchors)
    assert 5 < changed.sum() < len(left)
    assert np.array_equal(alfamix(given, 5, rng()), clustered(given, left[changed], 5, rng()))


@pytest.mark.parametrize("ask", [dropquery, alfamix])
def test_what_candidates_lack_is_filled_up_by_chance(ask) -> None:
    given = pool([3, 8])
    weights = np.zeros((3, 7), dtype=np.float32)
    weights[0, -1] = 1  # one class whatever is seen
    none = replace(given.predictions, last_layer=lambda: weights)
    first, second = (ask(replace(given, predictions=none), 6, rng(i)) for i in range(2))
    assert len(set(first)) == 6
    assert set(first) != set(second)
    assert not set(first) & {3, 8}


@pytest.mark.parametrize("name", ["dropquery", "alfamix"])
def test_a_first_query_has_no_last_layer(name: str) -> None:
    component = STRATEGIES.find(name)
    assert {"hidden", "last_layer"} <= component.traits.needs(component.bind({}))
