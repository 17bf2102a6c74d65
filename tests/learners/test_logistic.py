import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from rayal.contracts import UNLABELED, Task
from rayal.learners.logistic import logistic, logistic_many


def digits(labeled: int, seed: int = 0) -> tuple[Task, np.ndarray, np.ndarray]:
    """A pool and a test set of digits; returns the task, the pool's and the test's classes."""
    data = load_digits()
    features = data.data.astype(np.float32)
    train, test = features[:1200], features[1200:]
    labels = np.full(1200, UNLABELED, dtype=np.int64)
    chosen = np.random.default_rng(seed).choice(1200, labeled, replace=False)
    labels[chosen] = data.target[chosen]
    return Task(train, test, labels, 10), data.target[:1200], data.target[1200:]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def test_probabilities_are_those_of_scikit_learn_on_unit_length_features() -> None:
    task, _, _ = digits(80)
    model = LogisticRegression(C=100.0, tol=1e-13, max_iter=10_000)
    model.fit(unit(task.train[task.labeled]).astype(np.float64), task.labels[task.labeled])
    ours = logistic(task, rng())
    np.testing.assert_allclose(ours.test, model.predict_proba(unit(task.test)), atol=2e-5)
    np.testing.assert_allclose(ours.pool, model.predict_proba(unit(task.train)), atol=2e-5)


def test_nothing_is_drawn() -> None:
    task, _, _ = digits(30)
    generator = rng()
    logistic(task, generator)
    assert generator.integers(1 << 30) == rng().integers(1 << 30)


@pytest.mark.parametrize("scaling", ["l2", "standardize", "none"])
def test_many_at_once_are_each_as_alone(scaling: str) -> None:
    pool = digits(10)[0]
    several = [
        Task(pool.train, pool.test, digits(n, seed)[0].labels, 10)
        for seed, n in enumerate([10, 40, 40, 25])
    ]
    together = logistic_many(several, [rng()] * 4, C=100.0, scaling=scaling)
    for task, one in zip(several, together, strict=True):
        alone = logistic(task, rng(), scaling=scaling)
        np.testing.assert_array_equal(one.test, alone.test)
        np.testing.assert_array_equal(one.pool, alone.pool)


def test_a_class_without_a_label_has_probability_zero() -> None:
    task, _, _ = digits(4)
    probs = logistic(task, rng()).test
    missing = np.setdiff1d(np.arange(10), task.labels[task.labeled])
    assert np.all(probs[:, missing] == 0)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)


def test_a_task_without_a_label_is_refused() -> None:
    task, _, _ = digits(0)
    with pytest.raises(ValueError, match="logistic needs at least one label"):
        logistic(task, rng())
