"""A trained linear head and what it says of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rayal.contracts import Features, Predictions, Probs, Task
from rayal.learners._heads.scaling import Scale, chunks
from rayal.learners._heads.softmax import dropped, logits, probabilities


@dataclass(frozen=True)
class Head:
    """Trained weights (O, D + 1), and how features come to them and probabilities from them."""

    scale: Scale
    weights: Features
    last: Features | None  # (C, O), of a head with prototypes
    dropout: float

    def predictions(self, task: Task, test: Probs) -> Predictions:
        views = task.views
        return Predictions(
            test=test,
            predict_pool=lambda: self.probs(task.train),
            predict_dropout=(lambda T, rng: self.passes(task.train, T, rng))
            if self.dropout
            else None,
            predict_views=None if views is None else lambda: map(self.probs, views),
            hide=lambda: self.scale(np.asarray(task.train)),
            project=(lambda: self.outputs(task.train)) if self.last is not None else None,
        )

    def probs(self, features: Features) -> Probs:
        """Class probabilities (N, C)."""
        return self._in_chunks(features, lambda x: probabilities(x, self.weights, self.last))

    def outputs(self, features: Features) -> Features:
        """What stands before the prototypes, (N, O)."""
        return self._in_chunks(features, lambda x: logits(x, self.weights).T)

    def passes(self, features: Features, T: int, rng: np.random.Generator) -> Iterator[Probs]:
        """Class probabilities (N, C) of T passes with features dropped at random."""
        for _ in range(T):
            yield self._in_chunks(
                features,
                lambda x: probabilities(dropped(x, self.dropout, rng), self.weights, self.last),
            )

    def _in_chunks(self, features: Features, answer: Callable[[Features], Features]) -> Features:
        found = [answer(self.scale(features[rows])) for rows in chunks(len(features))]
        return np.concatenate(found)


def probs_of_all(heads: Sequence[Head], features: Features) -> list[Probs]:
    """Return the class probabilities (N, C) of heads with one scale, which is applied once."""
    found: list[list[Probs]] = [[] for _ in heads]
    for rows in chunks(len(features)):
        scaled = heads[0].scale(features[rows])
        for own, head in zip(found, heads, strict=True):
            own.append(probabilities(scaled, head.weights, head.last))
    return [np.concatenate(own) for own in found]
