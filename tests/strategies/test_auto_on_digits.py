"""A person's two queries with `auto`: what docs/evidence.md says of digits, pixels, 27 labels."""

import numpy as np
import numpy.typing as npt
import pytest

import rayal
from rayal.contracts import UNLABELED, Predictions, Task
from rayal.datasets.digits import digits
from rayal.encoders.pixels import pixels
from rayal.learners.logistic import logistic
from rayal.metrics import mean_class_accuracy

pytestmark = pytest.mark.slow

FIRST, SECOND = 13, 14
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


class Person:
    """Labels what was asked for, and trains a classifier on it."""

    def __init__(self, seed: int) -> None:
        data, self.seed = digits(), seed
        embedding = pixels(data, np.random.default_rng(0), lambda *_: None)
        self.features, self.test = embedding.train, embedding.test
        self.true, self.test_true = data.train.labels, data.test.labels
        self.labels = np.full(len(self.true), UNLABELED)

    def asks(self, strategy: str, budget: int) -> Labels:
        """Label a query; the classifier's probabilities go with it where there is one."""
        known = self.labels if (self.labels >= 0).any() else None
        probs = None if known is None else self.predictions().pool
        chosen = rayal.query(
            strategy,
            budget,
            features=self.features,
            labels=known,
            probs=probs,
            seed=self.seed,
            bare_pixels=True,
        )
        assert (self.labels[chosen] == UNLABELED).all()
        self.labels[chosen] = self.true[chosen]
        return chosen

    def predictions(self) -> Predictions:
        task = Task(self.features, self.test, self.labels, 10)
        return logistic(task, np.random.default_rng(0))

    def accuracy(self) -> float:
        predicted = self.predictions().test.argmax(axis=1)
        return mean_class_accuracy(predicted, self.test_true, 10)


def accuracies(seed: int, second: str) -> tuple[float, float]:
    person = Person(seed)
    person.asks("auto", FIRST)
    first = person.accuracy()
    person.asks(second, SECOND)
    return first, person.accuracy()


def test_the_second_query_gains_over_random_after_the_same_first() -> None:
    gains = [accuracies(seed, "auto")[1] - accuracies(seed, "random")[1] for seed in range(6)]
    assert np.mean(gains) > 0.03  # .069 in the evidence, over 50 seeds


def test_the_first_query_gains_over_random() -> None:
    gains = []
    for seed in range(6):
        by_chance = Person(seed)
        by_chance.asks("random", FIRST)
        gains.append(accuracies(seed, "random")[0] - by_chance.accuracy())
    assert np.mean(gains) > 0.1  # .272 in the evidence, over 50 seeds and 100 draws
