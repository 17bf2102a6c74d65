"""`linear` where an image may have several classes: a sigmoid for each."""

import numpy as np
import pytest
import torch

from rayal.contracts import UNLABELED, Task
from rayal.learners._heads.adam import AdamSchedule
from rayal.learners._heads.batched import Problem, fit_many
from rayal.learners._heads.softmax import initial_weights
from rayal.learners.linear import linear, linear_many

N, C, D = 50, 4, 7


def task(labeled: int = 30, seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    features = np.random.default_rng(1).normal(size=(N + 20, D)).astype(np.float32)
    truth = (features[:N] @ np.random.default_rng(2).normal(size=(D, C)) > 0.5).astype(np.int64)
    labels = np.full((N, C), UNLABELED)
    chosen = rng.choice(N, labeled, replace=False)
    labels[chosen] = np.where(rng.random((labeled, C)) < 0.2, UNLABELED, truth[chosen])
    return Task(features[:N], features[N:], labels, C)


@pytest.mark.parametrize("batch", [8, 64])
def test_weights_are_those_of_torch_with_the_loss_of_the_known_classes(batch: int) -> None:
    given, rng = task(), np.random.default_rng(5)
    rows = np.flatnonzero((given.labels != UNLABELED).any(axis=1))
    start, labels = initial_weights(D, C, rng), given.labels[rows]
    schedule = AdamSchedule(6, batch, 0.05, (4,))
    [ours] = fit_many(
        given.train, [Problem(rows, labels, start, np.random.default_rng(6))], schedule
    )
    weights = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    adam, draw = torch.optim.Adam([weights], lr=0.05), np.random.default_rng(6)
    for epoch in range(6):
        adam.param_groups[0]["lr"] = schedule.rate(epoch)
        order = draw.permutation(len(rows)) if batch < len(rows) else np.arange(len(rows))
        for at in range(0, len(rows), batch):
            part = order[at : at + batch]
            x = torch.tensor(given.train[rows[part]], dtype=torch.float64)
            y = torch.tensor(labels[part], dtype=torch.float64)
            outputs = x @ weights[:, :-1].T + weights[:, -1]
            losses = torch.nn.functional.binary_cross_entropy_with_logits(
                outputs, y.clamp(min=0), reduction="none"
            )
            adam.zero_grad()
            (losses * (y >= 0)).sum(dim=1).mean().backward()
            adam.step()
    np.testing.assert_allclose(ours, weights.detach().numpy(), atol=2e-4)


def test_each_class_has_a_probability_of_its_own() -> None:
    probs = linear(task(), np.random.default_rng(0)).test
    assert ((probs >= 0) & (probs <= 1)).all()
    assert np.abs(probs.sum(axis=1) - 1).max() > 0.1


def test_many_at_once_are_each_as_alone() -> None:
    several = [task(n, seed) for seed, n in enumerate((5, 30, 30))]
    pool = several[0]
    several = [Task(pool.train, pool.test, one.labels, C) for one in several]
    rngs = [np.random.default_rng(i) for i in range(3)]
    for number, fitted in enumerate(linear_many(several, rngs, dropout=0.2)):
        alone = linear(several[number], np.random.default_rng(number), dropout=0.2)
        np.testing.assert_array_equal(fitted.test, alone.test)
