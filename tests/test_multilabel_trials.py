"""Trials on images that may have several classes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Dataset, Embedding, Split, TrialData
from rayal.label_arrays import count_by_class, has_label, without_labels
from rayal.multilabel_metrics import best_thresholds
from rayal.registry import LEARNERS, STRATEGIES
from rayal.scores import lacking
from rayal.sweep.definition import Spec, Trial
from tests import small_trials
from tests.small_trials import run, without_seconds

N, M, C, D = 70, 40, 4, 8


def made(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features that show each class in a direction of its own, the last class rare."""
    labels = (rng.random((n, C)) < [0.5, 0.3, 0.3, 0.08]).astype(np.int64)
    labels[:2] = [[1] * C, [0] * C]
    signal = labels @ np.random.default_rng(9).normal(size=(C, D)) * 2
    return labels, (signal + rng.normal(size=(n, D))).astype(np.float32)


@pytest.fixture(scope="module")
def data() -> TrialData:
    rng = np.random.default_rng(4)
    (pool, train), (held_out, test) = made(N, rng), made(M, rng)
    pool[3, 1] = UNLABELED
    images = np.zeros((N + M, 2, 2, 1), dtype=np.uint8)
    dataset = Dataset(
        "several", tuple("abcd"), Split(images[:N], pool), Split(images[N:], held_out)
    )
    return TrialData(dataset, Embedding(train, test))


def trial(initial: str, query: str, schedule: tuple[int, ...], **params: Any) -> Trial:
    plain = small_trials.trial(initial, query, schedule)
    strategy = Spec(query, STRATEGIES.find(query).bind(params))
    return replace(plain, strategy=strategy, learner=Spec("logistic", {"C": 10.0, "scaling": "l2"}))


def test_what_is_measured_is_of_several_classes(data: TrialData) -> None:
    first, last = run(trial("random", "margin", (10, 25)), data)
    assert last["labelled"] == 25
    assert len(set(first["selected"] + last["selected"])) == 25
    chosen = data.dataset.train.labels[first["selected"] + last["selected"]]
    assert last["class_counts"] == (chosen == 1).sum(axis=0).tolist()
    assert last["coverage"] == np.mean(np.array(last["class_counts"]) > 0)
    assert 0.5 < last["auc"] <= 1
    assert 0 < last["f1"] <= 1
    assert 0 < last["mean_average_precision"] <= 1
    assert len(last["thresholds"]) == C
    assert not {"balanced_accuracy", "mean_class_accuracy"} & last.keys()


@pytest.mark.parametrize("finished", [0, 1, 2, 3])
def test_a_trial_goes_on_from_any_round_with_the_same_result(
    data: TrialData, finished: int
) -> None:
    wanted = trial("random", "entropy", (8, 14, 20))
    whole = run(wanted, data)
    assert without_seconds(run(wanted, data, rows=whole[:finished])) == without_seconds(whole)


def test_thresholds_are_chosen_by_the_labeled_images_alone(data: TrialData) -> None:
    wanted = trial("random", "random", (30,))
    [row] = run(wanted, data)
    hidden = data.dataset.train.labels.copy()
    others = np.setdiff1d(np.arange(N), row["selected"])
    hidden[others] = 1 - np.abs(hidden[others])
    test = Split(data.dataset.test.images, 1 - data.dataset.test.labels)
    changed = replace(
        data,
        dataset=replace(data.dataset, train=Split(data.dataset.train.images, hidden), test=test),
    )
    [again] = run(wanted, changed)
    assert again["selected"] == row["selected"]
    assert again["thresholds"] == row["thresholds"]
    assert again["f1"] != row["f1"]


def test_thresholds_are_those_of_predictions_by_the_other_folds(data: TrialData) -> None:
    """The slow twin: one training for each fold, all images predicted, one fold looked at."""
    from rayal.multilabel_metrics import deal_folds, one_sided_classes
    from rayal.seeds import generator

    [row] = run(trial("random", "random", (30,)), data)
    labels = without_labels(data.dataset.train.labels)
    labels[row["selected"]] = data.dataset.train.labels[row["selected"]]
    labeled = np.flatnonzero(has_label(labels))
    fold = deal_folds(labels[labeled], 5, generator("threshold folds", "data", 0, 0))
    probs = np.zeros((30, C))
    for number in range(5):
        others = labels.copy()
        others[labeled[fold == number]] = UNLABELED
        fitted = LEARNERS.find("logistic").function(
            data.task(others), np.random.default_rng(0), C=10.0, scaling="l2"
        )
        probs[fold == number] = fitted.pool[labeled[fold == number]]
        for column in one_sided_classes(others):
            probs[fold == number, column] = np.nan
    expected = best_thresholds(probs, labels[labeled])
    np.testing.assert_allclose(row["thresholds"], expected, rtol=1e-6)  # problems solved together


def test_one_labeled_image_is_enough(data: TrialData) -> None:
    [row] = run(trial("random", "random", (1,)), data)
    assert row["thresholds"] == [0.5] * C
    assert row["one_sided_classes"] == [0, 1, 2, 3]
    assert row["auc"] == 0.5


def test_a_first_query_can_be_scored_by_a_learner_of_the_test_set(data: TrialData) -> None:
    wanted = replace(trial("margin", "margin", (12,)), scorer="trained-on-test-set")
    [row] = run(replace(wanted, initial=wanted.strategy), data)
    assert len(row["selected"]) == 12


def test_losses_of_a_query_are_of_several_classes(data: TrialData) -> None:
    wanted = replace(trial("random", "entropy", (10, 20)), record_losses=True)
    row = run(wanted, data)[1]
    assert row["query_entropy"] > 0
    assert row["query_l1_loss"] > 0


def test_a_class_lacks_what_an_equal_share_of_expected_positives_would_give_it(
    data: TrialData,
) -> None:
    labels = without_labels(data.dataset.train.labels)
    labels[:10] = data.dataset.train.labels[:10]
    fitted = LEARNERS.find("logistic").function(
        data.task(labels), np.random.default_rng(0), C=10.0, scaling="l2"
    )
    pool = data.pool(labels, fitted)
    positives = [sum(int(labels[i, c] == 1) for i in range(10)) for c in range(C)]
    expected = sum(float(fitted.pool[i].sum()) for i in range(10, N)) / (N - 10)
    share = (sum(positives) + 6 * expected) / C
    np.testing.assert_allclose(lacking(pool, 6), [max(share - p, 0) for p in positives], rtol=1e-6)


def test_an_image_of_which_one_class_is_known_has_a_label() -> None:
    labels = np.array([[-1, -1], [-1, 0], [1, -1]])
    assert has_label(labels).tolist() == [False, True, True]
    assert count_by_class(labels, 2).tolist() == [1, 0]
