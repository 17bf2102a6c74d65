"""`logistic` where an image may have several classes: a binary head for each."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from rayal.contracts import UNLABELED, Task
from rayal.kernels import binary_heads
from rayal.kernels.logistic_regression import objective
from rayal.learners.logistic import logistic, logistic_many

CLASSES = 5


def task(labeled: int, seed: int = 0, unknown: float = 0.0) -> Task:
    """Digits, which have a class for each of the strokes that some of them share."""
    data = load_digits()
    features = data.data.astype(np.float32)
    strokes = np.random.default_rng(3).integers(2, size=(10, CLASSES))[data.target]
    rng = np.random.default_rng(seed)
    labels = np.full((1200, CLASSES), UNLABELED, dtype=np.int64)
    chosen = rng.choice(1200, labeled, replace=False)
    labels[chosen] = strokes[chosen]
    labels[rng.random(labels.shape) < unknown] = UNLABELED
    return Task(features[:1200], features[1200:], labels, CLASSES)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def unit(features: np.ndarray) -> np.ndarray:
    exact = features.astype(np.float64)
    return exact / np.linalg.norm(exact, axis=1, keepdims=True)


def test_probabilities_are_those_of_one_against_the_rest_in_scikit_learn() -> None:
    given = task(60)
    peer = OneVsRestClassifier(LogisticRegression(C=100.0, tol=1e-13, max_iter=10_000))
    peer.fit(unit(given.train[given.labeled]), given.labels[given.labeled])
    ours = logistic(given, rng())
    np.testing.assert_allclose(ours.test, peer.predict_proba(unit(given.test)), atol=2e-5)
    assert np.abs(ours.test.sum(axis=1) - 1).max() > 0.1


@pytest.mark.parametrize("c", [0.1, 1.0, 100.0])
def test_weights_are_those_of_scikit_learn_to_a_millionth(c: float) -> None:
    given = task(40)
    inputs, labels = unit(given.train[given.labeled]), given.labels[given.labeled]
    ours = binary_heads.fit(inputs, labels, c)
    for column in range(CLASSES):
        peer = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=10_000)
        peer.fit(inputs, labels[:, column])
        theirs = np.append(peer.coef_, peer.intercept_)
        np.testing.assert_allclose(ours[column], theirs, atol=1e-6 * max(1, np.abs(theirs).max()))


def test_no_head_can_be_moved_to_a_lower_objective() -> None:
    given = task(30)
    inputs, labels = unit(given.train[given.labeled]), given.labels[given.labeled]
    weights = binary_heads.fit(inputs, labels, 10.0)
    for column, head in enumerate(weights):

        def at(moved: np.ndarray, column: int = column) -> float:
            pair = np.stack([-moved / 2, moved / 2])
            return objective(inputs, labels[:, column], pair, 5.0)

        for step in np.random.default_rng(1).normal(scale=1e-3, size=(20, len(head))):
            assert at(head + step) > at(head)


def test_a_class_without_a_positive_has_probability_zero_and_one_without_a_negative_one() -> None:
    given = task(30)
    labels = given.labels.copy()
    labels[given.labeled, 0], labels[given.labeled, 1] = 0, 1
    probs = logistic(Task(given.train, given.test, labels, CLASSES), rng()).test
    assert np.all(probs[:, 0] == 0)
    assert np.all(probs[:, 1] == 1)
    assert np.all((probs[:, 2:] > 0) & (probs[:, 2:] < 1))


def test_an_unknown_entry_is_left_out_of_its_own_head_alone() -> None:
    given = task(80, unknown=0.3)
    inputs, labels = unit(given.train[given.labeled]), given.labels[given.labeled]
    together = binary_heads.fit(inputs, labels, 100.0)
    for column in range(CLASSES):
        known = labels[:, column] != UNLABELED
        assert not known.all()
        alone = binary_heads.fit(inputs[known], labels[known][:, [column]], 100.0)
        np.testing.assert_allclose(together[column], alone[0], rtol=1e-6, atol=1e-6)


def test_many_at_once_are_each_as_alone() -> None:
    several = [task(n, seed, unknown) for seed, (n, unknown) in enumerate([(10, 0), (40, 0.2)])]
    pool = several[0]
    several = [Task(pool.train, pool.test, one.labels, CLASSES) for one in several]
    together = logistic_many(several, [rng()] * 2, C=100.0, scaling="l2")
    for one, fitted in zip(several, together, strict=True):
        np.testing.assert_array_equal(fitted.test, logistic(one, rng()).test)
