"""What a labeling project says of itself where an image may have several classes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rayal.contracts import UNLABELED
from rayal.kernels.agreement import cohen_kappa
from rayal.labeling.accuracy import accuracy_of, audit_accuracy, optimistic_accuracy
from rayal.labeling.classifier import Classifier, load_classifier, save_classifier
from rayal.labeling.errors import LabelingError
from rayal.labeling.folds import group_folds
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.learning_curve import curve_over_rounds, expected_gain
from rayal.labeling.predicting import train
from rayal.labeling.stopping import stopping_advice
from rayal.labeling.suspects import NEIGHBORS, suspects
from rayal.labeling.training import can_be_learned, held_out, probabilities

CLASSES = ("a", "b", "c")


def noisy_sets(count: int = 240, spread: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Return points (N, 8), a direction for each class that they have, and labels (N, 3)."""
    rng = np.random.default_rng(0)
    has = (rng.random((count, 3)) < (0.5, 0.4, 0.25)).astype(np.int64)
    directions = np.linalg.qr(rng.normal(size=(8, 8)))[0][:4]
    points = 0.5 * directions[3] + has @ directions[:3]
    return (points + spread * rng.normal(size=(count, 8)) / 3).astype(np.float32), has


def pool_of(
    train_rows: range, audit: range = range(0), rounds: int = 1, spread: float = 0.6
) -> LabeledPool:
    points, has = noisy_sets(spread=spread)
    labels = np.full(has.shape, UNLABELED)
    audited = np.zeros(len(points), dtype=bool)
    audited[list(audit)] = True
    for rows in (train_rows, audit):
        labels[list(rows)] = has[list(rows)]
    made_in = 1 + np.arange(len(points)) * rounds // max(1, len(train_rows))
    return LabeledPool(
        points, labels, CLASSES, np.arange(len(points)), audited, made_in,
        np.zeros(len(points), dtype=bool),
    )  # fmt: skip


def test_recall_is_of_images_with_a_class_and_specificity_of_those_without() -> None:
    probs = np.array([[0.9, 0.5], [0.2, 0.6], [0.7, 0.1], [0.1, 0.2]], dtype=np.float32)
    labels = np.array([[1, 1], [1, 0], [1, 0], [0, 0]])
    found = accuracy_of(probs, labels, ("a", "b"))
    assert (found.overall.count, found.overall.n) == (3, 4)
    assert (found.recall["a"].count, found.recall["a"].n) == (2, 3)
    assert (found.specificity["a"].count, found.specificity["a"].n) == (1, 1)
    assert (found.recall["b"].count, found.recall["b"].n) == (1, 1)
    assert (found.specificity["b"].count, found.specificity["b"].n) == (2, 3)
    assert found.macro_auc == pytest.approx((1 + 2 / 3) / 2)


def test_a_class_without_images_is_named_and_left_out_of_means() -> None:
    found = accuracy_of(
        np.full((3, 2), 0.4, np.float32), np.array([[1, 0], [0, 0], [0, 0]]), ("a", "b")
    )
    assert found.not_ranked == ("b",)
    assert (found.macro_auc, found.recall["b"].n) == (0.5, 0)
    nothing = accuracy_of(np.full((2, 1), 0.4, np.float32), np.zeros((2, 1), np.int64), ("a",))
    assert (nothing.macro_auc, nothing.mean_average_precision) == (None, None)


def test_the_audit_sample_measures_and_does_not_train() -> None:
    pool = pool_of(range(60), range(60, 120))
    found = audit_accuracy(pool)
    by_hand = probabilities(
        pool.features[:60], [pool.labels[:60]], 3, pool.features[60:120]
    )[0] >= 0.5  # fmt: skip
    assert found.overall.count == int((by_hand == (pool.labels[60:120] == 1)).all(axis=1).sum())
    assert found.overall.value > 0.6
    assert optimistic_accuracy(pool, np.random.default_rng(0)).overall.n == 60


def test_held_out_images_are_predicted_by_heads_that_saw_nothing_of_their_group() -> None:
    pool = pool_of(range(40))
    features, labels, groups = pool.features[:40], pool.labels[:40], np.arange(40) // 4
    probs = held_out(features, labels, groups, 3, np.random.default_rng(3))
    folds = group_folds(groups, labels, 10, np.random.default_rng(3))
    for row in range(40):
        others = folds != folds[row]
        alone = probabilities(features[others], [labels[others]], 3, features[[row]])[0][0]
        np.testing.assert_allclose(probs[row], alone, atol=1e-5)
    for fold in range(10):
        assert len(np.unique(groups[folds == fold])) == 1


def test_folds_spread_each_class_and_images_of_none() -> None:
    labels = np.repeat(np.array([[1, 1], [1, 0], [0, 1], [0, 0]]), 5, axis=0)
    folds = group_folds(np.arange(20), labels, 5, np.random.default_rng(0))
    for fold in range(5):
        np.testing.assert_array_equal(np.sort(labels[folds == fold] @ [2, 1]), [0, 1, 2, 3])


def test_one_class_that_some_images_have_and_others_not_can_be_learned() -> None:
    assert not can_be_learned(np.array([[1, 0], [1, 0], [-1, -1]]))
    assert can_be_learned(np.array([[1, 0], [1, 1]]))
    with pytest.raises(LabelingError, match="images that have a class and others that do not"):
        train(replace(pool_of(range(1))), None, np.random.default_rng(0))


def test_the_temperature_is_that_of_the_least_loss_of_all_decisions() -> None:
    pool = pool_of(range(80), range(80, 160))
    made = train(pool, None, np.random.default_rng(0))
    plain = replace(made, temperature=1.0)
    rows = np.concatenate([np.arange(80), np.arange(80, 160)])
    probs = held_out(
        pool.features[:80], pool.labels[:80], pool.groups[:80], 3, np.random.default_rng(0)
    )
    probs = np.concatenate([probs, plain.probabilities(pool.features[80:160])]).astype(np.float64)
    right = np.where(pool.labels[rows] == 1, probs, 1 - probs).ravel()

    def loss(temperature: float) -> float:
        odds = np.log(right) - np.log1p(-right)
        return float(np.logaddexp(0, -odds / temperature).mean())

    grid = np.exp(np.linspace(-3, 3, 601))
    assert made.temperature == pytest.approx(grid[np.argmin([loss(t) for t in grid])], rel=0.02)
    logits = np.log(plain.probabilities(pool.features)) - np.log1p(
        -plain.probabilities(pool.features)
    )
    expected = 1 / (1 + np.exp(-logits / made.temperature))
    np.testing.assert_allclose(made.probabilities(pool.features), expected, atol=1e-6)


def test_a_classifier_of_several_classes_is_of_a_later_format_and_comes_back(tmp_path) -> None:
    weights = np.array([[1, 0, -0.2], [0, 1, -0.2], [0, 0, -np.inf]], dtype=np.float32)
    made = Classifier(CLASSES, weights, 1.5, multilabel=True)
    save_classifier(tmp_path, made)
    again = load_classifier(tmp_path)
    points = np.array([[1, 0], [1, 1], [-1, -1]], dtype=np.float32)
    assert again.predict(points) == [("a",), ("a", "b"), ()]
    np.testing.assert_array_equal(again.predict_proba(points), made.predict_proba(points))
    assert (again.predict_proba(points)[:, 2] == 0).all()
    assert b'\\"format\\": 2' in (tmp_path / "classifier.safetensors").read_bytes()
    save_classifier(tmp_path, replace(made, multilabel=False))
    saved = (tmp_path / "classifier.safetensors").read_bytes()
    assert b'\\"format\\": 1' in saved
    assert b"multilabel" not in saved


def test_a_wrong_decision_is_suspected_with_its_class() -> None:
    pool = pool_of(range(120), spread=0.2)
    before = {(one.row, one.label) for one in suspects(pool, np.random.default_rng(0))}
    row = int(np.flatnonzero((pool.labels[:120] == [1, 0, 0]).all(axis=1))[0])
    labels = pool.labels.copy()
    labels[row] = [0, 0, 0]
    found = suspects(replace(pool, labels=labels), np.random.default_rng(0))
    [mine] = [one for one in found if one.row == row]
    assert (mine.label, mine.instead) == ("without a", "with a")
    assert (row, "without a") not in before
    unit = pool.features[:120] / np.linalg.norm(pool.features[:120], axis=1, keepdims=True)
    near = [n for n in np.argsort(-(unit @ unit[row]), kind="stable") if n != row][:NEIGHBORS]
    assert mine.agreeing == sum(labels[n, 0] for n in near)
    assert mine.probability < 0.05 / 3
    assert max(one.probability for one in found) < 0.05 / 3


def test_agreement_of_rounds_is_that_of_the_class_they_agree_on_least() -> None:
    pool = pool_of(range(80), rounds=4)
    found = stopping_advice(pool, np.random.default_rng(0))
    assert (len(found.kappas), found.gain) == (3, None)
    rows = pool.unlabeled
    answers = [
        probabilities(pool.features[:80], [np.where(
            (pool.rounds[:80] <= number)[:, None], pool.labels[:80], UNLABELED
        )], 3, pool.features[rows])[0] >= 0.5
        for number in range(1, 5)
    ]  # fmt: skip
    expected = [
        min(cohen_kappa(a[:, c].astype(int), b[:, c].astype(int), 2) for c in range(3))
        for a, b in pairwise(answers)
    ]
    np.testing.assert_allclose(found.kappas, expected)
    assert found.unchanged == bool((answers[-1] == answers[-2]).all())


def test_the_curve_is_of_all_classes_right_and_the_gain_is_absent() -> None:
    pool = pool_of(range(80), range(80, 120), rounds=2)
    curve = curve_over_rounds(pool)
    assert [point.labels for point in curve] == [40, 80]
    assert curve[-1].accuracy == audit_accuracy(pool).overall
    assert expected_gain(pool, 40, np.random.default_rng(0)) is None
