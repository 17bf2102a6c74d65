"""What is measured where an image may have several classes, against scikit-learn and slow twins."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from rayal import multilabel_metrics as metrics
from tests.draws import draws

M, C = 60, 5


def problem(seed: int, unknown: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of few different values, so that many are equal, and labels (M, C)."""
    rng = np.random.default_rng(seed)
    probs = (rng.integers(12, size=(M, C)) / 12).astype(np.float32)
    labels = (rng.random((M, C)) < [0.5, 0.3, 0.1, 0.05, 0.8]).astype(np.int64)
    labels[0], labels[1] = 1, 0
    labels[2:][rng.random((M - 2, C)) < unknown] = -1
    return probs, labels


def known(probs: np.ndarray, labels: np.ndarray, c: int) -> tuple[np.ndarray, np.ndarray]:
    rows = labels[:, c] >= 0
    return labels[rows, c], probs[rows, c]


@pytest.mark.parametrize("seed", draws(20))
@pytest.mark.parametrize("unknown", [0.0, 0.4])
def test_measures_are_scikit_learns_on_the_known_labels(seed: int, unknown: float) -> None:
    probs, labels = problem(seed, unknown)
    each = [known(probs, labels, c) for c in range(C)]
    thresholds = np.linspace(0.2, 0.8, C)
    assert metrics.macro_auc(probs, labels) == (
        pytest.approx(np.mean([roc_auc_score(*pair) for pair in each])), []
    )  # fmt: skip
    assert metrics.mean_average_precision(probs, labels) == (
        pytest.approx(np.mean([average_precision_score(*pair) for pair in each])), []
    )  # fmt: skip
    f1 = np.mean([f1_score(y, p >= t) for (y, p), t in zip(each, thresholds, strict=True)])
    assert metrics.macro_f1(probs, labels, thresholds) == (pytest.approx(f1), [])


def test_classes_that_cannot_be_measured_are_named_and_left_out() -> None:
    probs, labels = problem(0)
    labels[:, 1], labels[:, 4] = 0, 1
    rest = [0, 2, 3]
    auc, missing = metrics.macro_auc(probs, labels)
    assert missing == [1, 4]
    assert auc == pytest.approx(np.mean([roc_auc_score(labels[:, c], probs[:, c]) for c in rest]))
    assert metrics.mean_average_precision(probs, labels)[1] == [1]
    assert metrics.macro_f1(probs, labels, np.full(C, 0.5))[1] == [1]
    nothing = np.zeros_like(labels)
    assert np.isnan(metrics.macro_auc(probs, nothing)[0])
    assert np.isnan(metrics.mean_average_precision(probs, nothing)[0])


@pytest.mark.parametrize("seed", draws(30))
def test_no_threshold_has_a_higher_f1_than_the_one_chosen(seed: int) -> None:
    probs, labels = problem(seed, unknown=0.3)
    chosen = metrics.best_thresholds(probs, labels)
    for c in range(C):
        y, p = known(probs, labels, c)
        tried = [f1_score(y, p >= t) for t in np.linspace(-0.05, 1.05, 221)]
        assert f1_score(y, p >= chosen[c]) == pytest.approx(max(tried))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_threshold_between_neighboring_floats_leaves_the_lower_one_out(kind: type) -> None:
    low = kind(0.3)
    for _ in range(4):  # midway is rounded to the upper one in some cases, to the lower in others
        high = np.nextafter(low, kind(1))
        probs, labels = np.array([[low], [high]]), np.array([[0], [1]])
        chosen = metrics.best_thresholds(probs, labels)
        assert metrics.macro_f1(probs, labels, chosen)[0] == 1
        low = high


def test_a_class_without_a_positive_has_the_threshold_one_half() -> None:
    probs, labels = problem(1)
    labels[:, 2] = 0
    assert metrics.best_thresholds(probs, labels)[2] == 0.5


def test_predictions_that_nothing_was_learned_for_do_not_choose_a_threshold() -> None:
    probs, labels = problem(2)
    part = probs.copy()
    part[:30, 0] = np.nan
    without = metrics.best_thresholds(probs[30:], labels[30:])[0]
    assert metrics.best_thresholds(part, labels)[0] == without


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_are_of_equal_size_and_each_class_is_spread_over_them(folds: int) -> None:
    labels = problem(3)[1]
    fold = metrics.deal_folds(labels, folds, np.random.default_rng(0))
    sizes = np.bincount(fold, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    rarest = int(labels.sum(axis=0).argmin())
    of_rarest = np.bincount(fold[labels[:, rarest] == 1], minlength=folds)
    assert of_rarest.max() - of_rarest.min() <= 1


def test_decisions_at_one_half_are_counted_where_the_label_is_known() -> None:
    probs = np.array([[0.9, 0.5], [0.2, 0.1], [0.6, 0.7]], dtype=np.float32)
    labels = np.array([[1, 0], [1, -1], [0, 1]])
    assert metrics.accuracy(probs, labels) == pytest.approx((1 / 3 + 1 / 2) / 2)
    revealed = np.array([[-1, -1], [-1, -1], [0, 1]])
    assert metrics.pool_error(probs, labels, revealed) == pytest.approx(2 / 3)
    assert np.isnan(metrics.pool_error(probs, labels, labels))


def test_classes_with_one_kind_of_label_are_those_that_no_head_can_learn() -> None:
    labels = np.array([[1, 0, 1, -1], [0, 0, 1, 1], [-1, -1, -1, -1]])
    assert metrics.one_sided_classes(labels).tolist() == [1, 2, 3]
