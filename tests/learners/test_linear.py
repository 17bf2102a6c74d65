import dataclasses
from typing import Literal

import numpy as np
import pytest
import torch

from rayal.contracts import UNLABELED, Predictions, Task
from rayal.kernels.prototypes import simplex
from rayal.learners._heads import softmax as softmax_regression
from rayal.learners._heads.adam import AdamSchedule
from rayal.learners._heads.batched import Problem, fit_many
from rayal.learners._heads.pseudo_labels import with_confident, with_nearest
from rayal.learners._heads.scaling import mean_and_deviation
from rayal.learners._heads.softmax import initial_weights
from rayal.learners.linear import linear
from rayal.registry import LEARNERS


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def data(labels: int = 30, d: int = 6, c: int = 4) -> tuple[np.ndarray, np.ndarray]:
    truth = rng(1).integers(c, size=labels)
    return (rng(2).normal(size=(labels, d)) + truth[:, None]).astype(np.float32), truth


def fit(
    inputs: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    plan: AdamSchedule,
    draw: np.random.Generator,
    last: np.ndarray | None = None,
) -> np.ndarray:
    problem = Problem(np.arange(len(labels)), labels, weights, draw)
    return fit_many(inputs, [problem], plan, last)[0]


def torch_twin(
    inputs: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    plan: AdamSchedule,
    last: np.ndarray | None = None,
) -> np.ndarray:
    """The same training by torch's own layer, loss, optimiser and schedule."""
    head = torch.nn.Linear(weights.shape[1] - 1, len(weights))
    with torch.no_grad():
        head.weight.copy_(torch.tensor(weights[:, :-1]))
        head.bias.copy_(torch.tensor(weights[:, -1]))
    optimiser = torch.optim.Adam(head.parameters(), lr=plan.lr)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(plan.milestones), gamma=0.1)
    x, y = torch.tensor(inputs), torch.tensor(labels)
    fixed = torch.eye(len(weights)) if last is None else torch.tensor(last)
    draw = rng(3)
    for _ in range(plan.epochs):
        order = draw.permutation(len(y)) if len(y) > plan.batch_size else np.arange(len(y))
        for start in range(0, len(y), plan.batch_size):
            batch = torch.tensor(order[start : start + plan.batch_size])
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(head(x[batch]) @ fixed.T, y[batch]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        scheduler.step()
    bias = head.bias.detach().numpy()[:, None]
    return np.hstack([head.weight.detach().numpy(), bias])


@pytest.mark.parametrize("batch_size", [128, 7])
def test_training_equals_torchs_adam(batch_size: int) -> None:
    inputs, labels = data()
    plan = AdamSchedule(epochs=60, batch_size=batch_size, lr=0.01, milestones=(30, 45))
    start = initial_weights(6, 4, rng())
    found = fit(inputs, labels, start, plan, rng(3))
    assert np.abs(found - start).max() > 0.1
    np.testing.assert_allclose(found, torch_twin(inputs, labels, start, plan), atol=1e-5)


def test_training_equals_torchs_adam_where_gradients_are_as_small_as_its_epsilon() -> None:
    inputs, labels = data()
    plan = AdamSchedule(epochs=60, batch_size=128, lr=0.01, milestones=())
    start = np.zeros((4, 7), dtype=np.float32)
    tiny = inputs * np.float32(1e-7)
    found = fit(tiny, labels, start, plan, rng(3))[:, :-1]
    assert np.abs(found).max() > 0.01
    np.testing.assert_allclose(found, torch_twin(tiny, labels, start, plan)[:, :-1], atol=1e-4)


def test_the_pools_statistics_are_numpys_over_more_rows_than_are_worked_on_at_once() -> None:
    pool = (1000 + rng().normal(size=(2500, 3)) * [1, 0.01, 0]).astype(np.float32)
    mean, deviation = mean_and_deviation(pool)
    np.testing.assert_allclose(mean, pool.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviation, pool.astype(np.float64).std(axis=0), rtol=1e-9)
    assert deviation[2] == 0


def test_initial_weights_depend_on_the_generator_alone_and_keep_torchs_bound() -> None:
    weights = initial_weights(100, 50, rng())
    assert np.array_equal(weights, initial_weights(100, 50, rng()))
    assert weights.shape == (50, 101)
    assert 0.0999 < np.abs(weights).max() <= 0.1


def test_large_logits_do_not_overflow() -> None:
    probs = softmax_regression.probabilities(
        np.array([[1.0]], dtype=np.float32), np.array([[1e4, 0], [0, 0]], dtype=np.float32)
    )
    assert probs.tolist() == [[1, 0]]


def task(features: np.ndarray, labelled: int = 20) -> Task:
    truth = data(len(features))[1]
    labels = np.where(np.arange(len(features)) < labelled, truth, UNLABELED)
    return Task(features, features[:9].copy(), labels, 4)


def test_standardising_ignores_shift_and_scale_of_features() -> None:
    features = data(60)[0]
    moved = (features * [1, 10, 100, 0.1, 5, 2] + [0, 1, 2, 3, 400, 5]).astype(np.float32)
    plain, other = (linear(task(f), rng()) for f in (features, moved))
    np.testing.assert_allclose(plain.test, other.test, atol=1e-3)


def test_standardising_uses_the_statistics_of_the_whole_pool() -> None:
    features = data(60)[0]
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    before, after = linear(task(features), rng()), linear(task(scaled), rng())
    np.testing.assert_allclose(before.test, after.test, atol=1e-4)
    on_labelled = (features - features[:20].mean(axis=0)) / features[:20].std(axis=0)
    start = initial_weights(6, 4, rng())
    plan = AdamSchedule(100, 128, 0.01, (50, 75))
    weights = fit(on_labelled[:20], data(60)[1][:20], start, plan, rng())
    other = softmax_regression.probabilities(on_labelled[:9], weights)
    assert np.abs(other - before.test).max() > 1e-3


def test_unit_length_ignores_the_length_of_rows() -> None:
    features = data(60)[0]
    longer = features * rng().uniform(1, 9, size=(60, 1)).astype(np.float32)
    plain, other = (linear(task(f), rng(), scaling="l2") for f in (features, longer))
    np.testing.assert_allclose(plain.test, other.test, atol=1e-4)


@pytest.mark.parametrize("scaling", ["standardize", "l2"])
def test_a_feature_constant_over_the_pool_is_harmless(
    scaling: Literal["standardize", "l2"],
) -> None:
    features = data(60)[0]
    features[:, 2] = 0.1  # no binary fraction: a mean of it is not it
    assert np.isfinite(linear(task(features), rng(), scaling=scaling).pool).all()


def test_predictions_of_the_pool_are_made_when_asked_for() -> None:
    features = data(5000)[0]  # more rows than are worked on at once
    predictions = linear(task(features), rng())
    assert "pool" not in vars(predictions)
    np.testing.assert_array_equal(predictions.pool[:9], predictions.test)


@pytest.mark.parametrize("batch_size", [128, 7])
def test_training_before_prototypes_equals_torchs_adam(batch_size: int) -> None:
    inputs, labels = data()
    last = 0.7 * simplex(4).astype(np.float32)
    plan = AdamSchedule(epochs=40, batch_size=batch_size, lr=0.01, milestones=(30,))
    start = initial_weights(6, 3, rng())
    found = fit(inputs, labels, start, plan, rng(3), last)
    np.testing.assert_allclose(found, torch_twin(inputs, labels, start, plan, last), atol=1e-5)


def test_prototypes_give_probabilities_by_their_angle_to_the_output() -> None:
    features = data(60)[0]
    predictions = linear(task(features), rng(), prototypes=True, radius=2.0)
    logits = 2.0 * predictions.prototype_outputs() @ simplex(4).T
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert predictions.prototype_outputs().shape == (60, 3)
    np.testing.assert_allclose(predictions.pool, expected, atol=1e-5)


def test_dropping_keeps_the_mean_and_drops_the_part_asked_for() -> None:
    ones = np.ones((400, 500), dtype=np.float32)
    found = softmax_regression.dropout(ones, 0.3, rng())
    assert set(np.unique(found)) == {0, np.float32(1 / np.float32(0.7))}
    assert (found == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert found.mean() == pytest.approx(1, abs=0.01)
    assert found.dtype == np.float32


def test_monte_carlo_passes_differ_and_scatter_about_the_prediction() -> None:
    features = data(60)[0]
    predictions = linear(task(features), rng(), dropout=0.3)
    assert predictions.mc_dropout is not None
    passes = np.stack(list(predictions.mc_dropout(200, rng(9))))
    again = np.stack(list(predictions.mc_dropout(200, rng(9))))
    assert np.array_equal(passes, again)
    assert passes.std(axis=0).mean() > 0.01
    assert np.abs(passes.mean(axis=0) - predictions.pool).max() < 0.2


def test_training_with_dropout_gives_other_weights_and_never_drops_the_bias() -> None:
    features = data(60)[0]
    plain, dropping = linear(task(features), rng()), linear(task(features), rng(), dropout=0.5)
    assert np.abs(plain.test - dropping.test).max() > 1e-3
    nothing = np.zeros_like(features)  # all that is left to learn from is the bias
    truth = np.bincount(data(60)[1][:20], minlength=4) / 20
    learned = linear(task(nothing), rng(), dropout=0.9, epochs=400, milestones=())
    np.testing.assert_allclose(learned.test[0], truth, atol=0.02)


def earlier(probs: np.ndarray) -> Predictions:
    return Predictions(probs[:0], lambda: probs)


def test_pseudo_labels_join_those_below_the_threshold_and_change_none_given() -> None:
    labels = np.array([UNLABELED, UNLABELED, 1, UNLABELED])
    probs = np.array([[1, 0], [0.9999, 0.0001], [1, 0], [0.5, 0.5]], dtype=np.float32)
    assert with_confident(labels, probs, 5e-5).tolist() == [0, UNLABELED, 1, UNLABELED]
    assert with_confident(labels, probs, 0.1).tolist() == [0, 0, 1, UNLABELED]
    assert with_confident(labels, probs, 0.0).tolist() == labels.tolist()


def test_ceal_trains_on_what_the_round_before_was_sure_of() -> None:
    features, truth = data(60)
    sure = np.eye(4, dtype=np.float32)[truth]
    told = dataclasses.replace(task(features, 8), round=1, previous_predictions=earlier(sure))
    found = linear(told, rng(), pseudo_labels="ceal")
    expected = linear(task(features, 60), rng())
    np.testing.assert_array_equal(found.test, expected.test)
    unsure = dataclasses.replace(
        told, previous_predictions=earlier(np.full((60, 4), 0.25, np.float32))
    )
    plain = linear(task(features, 8), rng())
    np.testing.assert_array_equal(linear(unsure, rng(), pseudo_labels="ceal").test, plain.test)


def test_the_threshold_falls_round_by_round_but_never_below_0() -> None:
    features, truth = data(60)
    sure = np.eye(4, dtype=np.float32)[truth]
    plain = linear(task(features, 8), rng())
    for number, joins in ((1, True), (9, True), (10, False), (1000, False)):
        told = dataclasses.replace(
            task(features, 8), round=number, previous_predictions=earlier(sure)
        )
        found = linear(told, rng(), pseudo_labels="ceal", pseudo_threshold=0.1, pseudo_decay=0.01)
        assert (np.abs(found.test - plain.test).max() > 0) == joins


def test_nearest_center_takes_the_closest_to_a_prototype_and_changes_no_label_given() -> None:
    corners = simplex(3)
    outputs = np.array([2 * corners[1], corners[0] + 0.2 * corners[1], corners[2], 0 * corners[0]])
    labels = np.array([UNLABELED, UNLABELED, 1, UNLABELED])
    assert with_nearest(labels, outputs, 1e-6).tolist() == [1, UNLABELED, 1, UNLABELED]
    assert with_nearest(labels, outputs, 0.5).tolist() == [1, 0, 1, UNLABELED]
    assert with_nearest(labels, outputs, 0.0).tolist() == labels.tolist()


@pytest.mark.parametrize("rule", ["ceal", "nearest_center"])
def test_the_pseudo_labels_of_a_round_are_told(rule) -> None:
    features, truth = data(60)
    sure = np.eye(4, dtype=np.float32)[truth]
    before = dataclasses.replace(
        earlier(sure), prototype_outputs=lambda: simplex(4)[truth].astype(np.float32)
    )
    told = dataclasses.replace(task(features, 8), round=1, previous_predictions=before)
    found = linear(told, rng(), prototypes=True, pseudo_labels=rule)
    expected = linear(task(features, 60), rng(), prototypes=True)
    np.testing.assert_array_equal(found.test, expected.test)
    assert found.pseudo_labels is not None
    given = told.labels != UNLABELED
    assert (found.pseudo_labels[given] == UNLABELED).all()
    assert (found.pseudo_labels[~given] == truth[~given]).all()
    first = linear(task(features, 8), rng(), prototypes=True, pseudo_labels=rule)
    assert first.pseudo_labels is not None
    assert (first.pseudo_labels == UNLABELED).all()
    assert linear(task(features, 8), rng()).pseudo_labels is None


def test_nearest_center_without_prototypes_is_refused_when_planned() -> None:
    learner = LEARNERS.find("linear")
    with pytest.raises(ValueError, match="prototypes: true"):
        learner.traits.gives(learner.bind({"pseudo_labels": "nearest_center"}))
