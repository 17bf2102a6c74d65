import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from rayal import metrics


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def sample(m: int = 200, c: int = 5, digits: int = 6) -> tuple[np.ndarray, np.ndarray]:
    probs = rng().dirichlet(np.ones(c), size=m)
    return np.round(probs, digits).astype(np.float32), rng(1).integers(c, size=m)


@pytest.mark.parametrize("digits", [6, 1])
def test_macro_auc_equals_scikit_learns_with_and_without_ties(digits: int) -> None:
    probs, labels = sample(digits=digits)
    expected = np.mean([roc_auc_score(labels == c, probs[:, c]) for c in range(5)])
    value, missing = metrics.macro_auc(probs, labels)
    assert value == pytest.approx(expected, abs=1e-12)
    assert missing == []


def test_macro_auc_is_half_where_all_scores_are_equal() -> None:
    assert metrics.macro_auc(np.full((20, 4), 0.25), np.arange(20) % 4)[0] == 0.5


def test_macro_auc_names_the_classes_it_leaves_out() -> None:
    probs, labels = sample()
    labels[labels == 3] = 2
    present = [0, 1, 2, 4]
    expected = np.mean([roc_auc_score(labels == c, probs[:, c]) for c in present])
    value, missing = metrics.macro_auc(probs, labels)
    assert value == pytest.approx(expected)
    assert missing == [3]


def test_macro_auc_of_one_class_alone_is_undefined() -> None:
    value, missing = metrics.macro_auc(sample()[0], np.zeros(200, dtype=np.int64))
    assert math.isnan(value)
    assert missing == [0, 1, 2, 3, 4]


def test_balanced_accuracy_equals_scikit_learns() -> None:
    probs, labels = sample()
    predicted = probs.argmax(axis=1)
    expected = balanced_accuracy_score(labels, predicted)
    assert metrics.balanced_accuracy(predicted, labels, 5) == pytest.approx(expected)
    assert metrics.mean_class_accuracy(predicted, labels, 5) == pytest.approx(expected)


def test_accuracies_differ_by_what_a_class_without_images_counts() -> None:
    labels, predicted = np.array([0, 0, 0, 1]), np.array([0, 0, 2, 1])
    assert metrics.accuracy(predicted, labels) == 3 / 4
    assert metrics.balanced_accuracy(predicted, labels, 3) == pytest.approx((2 / 3 + 1) / 2)
    assert metrics.mean_class_accuracy(predicted, labels, 3) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_pool_error_looks_at_images_without_a_label_alone() -> None:
    probs = np.eye(2)[[0, 0, 1, 1]]
    truth = np.array([1, 0, 0, 1])
    assert metrics.pool_error(probs, truth, np.array([1, -1, -1, -1])) == 1 / 3
    assert math.isnan(metrics.pool_error(probs, truth, truth))


@pytest.mark.parametrize(
    ("counts", "coverage", "entropy", "l1"),
    [
        ([5, 5, 5, 5], 1, math.log(4), 0),
        ([8, 0, 0, 0], 1 / 4, 0, 1),
        ([2, 2, 0, 0], 1 / 2, math.log(2), 2 / 3),
        ([3, 1, 0, 0], 1 / 2, 0.25 * math.log(4) - 0.75 * math.log(0.75), 2 / 3),
    ],
)
def test_balance_of_the_labels(
    counts: list[int], coverage: float, entropy: float, l1: float
) -> None:
    array = np.array(counts)
    assert metrics.coverage(array) == coverage
    assert metrics.class_entropy(array) == pytest.approx(entropy)
    assert math.copysign(1, metrics.class_entropy(array)) == 1
    assert metrics.l1_score(array) == pytest.approx(l1)


def test_without_a_label_nothing_is_covered() -> None:
    none = np.zeros(3, dtype=np.int64)
    assert (metrics.coverage(none), metrics.class_entropy(none)) == (0, 0)
    assert math.isnan(metrics.l1_score(none))


def evaluate(test_probs: np.ndarray, pool_probs: np.ndarray) -> dict[str, object]:
    return metrics.evaluate(
        test_probs=test_probs,
        test_labels=np.array([0, 1, 1]),
        pool_probs=pool_probs,
        pool_truth=np.array([0, 1, 1, 0]),
        labels=np.array([0, -1, -1, -1]),
        num_classes=3,
    )


def test_a_round_is_measured_in_plain_python_numbers() -> None:
    found = evaluate(np.eye(3)[[0, 1, 0]], np.eye(3)[[0, 1, 0, 0]])
    assert found == {
        "auc": 0.75,
        "auc_missing_classes": [2],
        "accuracy": 2 / 3,
        "balanced_accuracy": 0.75,
        "mean_class_accuracy": 0.5,
        "pool_error": 1 / 3,
        "coverage": 1 / 3,
        "class_entropy": 0,
        "l1_score": 1,
        "class_counts": [1, 0, 0],
    }
    assert all(type(value) in (float, list) for value in found.values())
