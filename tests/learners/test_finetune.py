from typing import Any

import numpy as np
import pytest

from rayal.contracts import Predictions, Task
from rayal.learners.finetune import _feature_stats, finetune
from rayal.registry import LEARNERS
from tests.learners.banded_images import accuracy, task


def learn(given: Task, **params: Any) -> Predictions:
    bound = LEARNERS.find("finetune").bind({"batch_size": 8, "augmentation": "none", **params})
    return finetune(given, np.random.default_rng(0), **bound)


def test_before_it_moves_the_last_layer_sees_the_encoders_standardised_features() -> None:
    given = task()
    still = learn(given, lr=1e-12, head_lr=1e-12, epochs=1, batch_size=64)
    mean, variance = given.train.mean(axis=0), given.train.var(axis=0)
    expected = (given.train - mean) / np.sqrt(variance + 1e-5)
    # One step moves the running statistics of batch norm by a tenth of the way.
    assert np.corrcoef(still.penultimate_features().ravel(), expected.ravel())[0, 1] > 0.95


def test_it_starts_from_the_encoders_weights_and_leaves_them() -> None:
    given = task()
    assert given.weights is not None
    before = {name: value.copy() for name, value in given.weights.items()}
    first = learn(given, epochs=1)
    assert all(np.array_equal(before[name], value) for name, value in given.weights.items())
    other = {name: value * 1.5 for name, value in given.weights.items()}
    assert not np.array_equal(first.test, learn(task(weights=other), epochs=1).test)


def test_the_backbone_learns_more_slowly_than_the_last_layer() -> None:
    assert accuracy(learn(task(), epochs=5).test) > 0.9
    moved = (
        learn(task(), epochs=5).penultimate_features()
        - learn(task(), epochs=5, lr=1e-12).penultimate_features()
    )
    assert 0 < np.abs(moved).mean() < 1


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_the_spread_is_the_pools_over_more_rows_than_are_worked_on_at_once(kind) -> None:
    rng = np.random.default_rng(0)
    pool = (100 + rng.normal(size=(2500, 3)) * [1, 0.5, 0]).astype(kind)
    mean, variance = _feature_stats(pool)
    wide = pool.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(variance, wide.var(axis=0), rtol=1e-4, atol=1e-9)


def test_an_encoder_without_a_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"this encoder has none; use an encoder with a network"):
        learn(task(weights=None))


def test_features_of_another_network_are_refused() -> None:
    given = task()
    with pytest.raises(ValueError, match=r"gives 128 features and the task has 5"):
        learn(task(train=given.train[:, :5]))


def test_early_stopping_needs_a_validation_set() -> None:
    with pytest.raises(ValueError, match=r"finetune: plateau_patience and early_stopping watch"):
        learn(task(val=None), early_stopping=2)
    assert accuracy(learn(task(), early_stopping=3, plateau_patience=1).test) > 0.9
