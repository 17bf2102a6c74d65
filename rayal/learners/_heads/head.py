"""A trained linear head and what it predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rayal.contracts import Features, Predictions, Probs, Task
from rayal.learners._heads.scaling import Scale, row_chunks
from rayal.learners._heads.softmax import binary_probabilities, dropout, logits, probabilities


@dataclass(frozen=True)
class Head:
    """Trained weights (O, D + 1), and how features come to them and probabilities from them."""

    scale: Scale
    weights: Features
    last: Features | None  # (C, O), of a head with prototypes
    dropout: float
    binary: bool = False  # each class for itself, for data with several classes an image

    def predictions(self, task: Task, test: Probs) -> Predictions:
        """Return the predictions for a task whose test set has these probabilities (M, C)."""
        views = task.views
        return Predictions(
            test=test,
            predict_pool=lambda: self.probs(task.train),
            mc_dropout=(lambda T, rng: self.mc_dropout(task.train, T, rng))
            if self.dropout
            else None,
            predict_views=None if views is None else lambda: map(self.probs, views),
            penultimate_features=lambda: self.scale(np.asarray(task.train)),
            last_layer=self.last_layer,
            prototype_outputs=(lambda: self.outputs(task.train)) if self.last is not None else None,
        )

    def last_layer(self) -> Features:
        """Return the weights (C, D + 1) from scaled features to logits."""
        return self.weights if self.last is None else self.last @ self.weights

    def probs(self, features: Features) -> Probs:
        """Return class probabilities (N, C) of features (N, D)."""
        return self._in_chunks(features, self.probs_of_scaled)

    def probs_of_scaled(self, inputs: Features) -> Probs:
        """Return class probabilities (N, C) of features (N, D) that are scaled already."""
        if self.binary:
            return binary_probabilities(inputs, self.weights)
        return probabilities(inputs, self.weights, self.last)

    def outputs(self, features: Features) -> Features:
        """Return the outputs (N, O) of features (N, D), before the prototypes."""
        return self._in_chunks(features, lambda x: logits(x, self.weights).T)

    def mc_dropout(self, features: Features, T: int, rng: np.random.Generator) -> Iterator[Probs]:
        """Yield class probabilities (N, C) of T passes over features (N, D), each after dropout."""
        for _ in range(T):
            yield self._in_chunks(
                features,
                lambda x: self.probs_of_scaled(dropout(x, self.dropout, rng)),
            )

    def _in_chunks(self, features: Features, answer: Callable[[Features], Features]) -> Features:
        parts = [answer(self.scale(features[rows])) for rows in row_chunks(len(features))]
        return np.concatenate(parts)


def probs_of_all(heads: Sequence[Head], features: Features) -> list[Probs]:
    """Return the class probabilities (N, C) of heads with one scale, which is applied once."""
    parts: list[list[Probs]] = [[] for _ in heads]
    for rows in row_chunks(len(features)):
        scaled = heads[0].scale(features[rows])
        for part, head in zip(parts, heads, strict=True):
            part.append(head.probs_of_scaled(scaled))
    return [np.concatenate(part) for part in parts]
