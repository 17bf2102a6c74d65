"""Logistic regression on frozen features, solved to its optimum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import PositiveFloat

from rayal.contracts import Features, Predictions, Task, learner
from rayal.kernels import binary_heads, logistic_regression
from rayal.kernels.clustering import unit_rows
from rayal.learners._heads.head import Head, probs_of_all
from rayal.learners._heads.scaling import Scale, standardizer

Scaling = Literal["l2", "standardize", "none"]


@learner(
    gives={"hidden", "last_layer", "views"},
    fit_batched=lambda tasks, rngs, **params: logistic_many(tasks, rngs, **params),
    multilabel=True,
)
def logistic(
    task: Task,
    rng: np.random.Generator,
    *,
    C: PositiveFloat = 100.0,
    scaling: Scaling = "l2",
) -> Predictions:
    """Fit multinomial logistic regression with an L2 penalty on the labeled images.

    Nothing is drawn from `rng`: there is one optimum. A class without a label has probability 0.
    Where an image may have several classes, each class has a binary head of its own, fitted to the
    images of which it is known; without a positive among them its probability is 0, without a
    negative 1.
    With features of unit length a fixed C of 100 serves from a few labels to some hundreds; the
    more labels, the less the penalty weighs.

    Args:
        task: at least one label.
        rng: unused.
        C: weight of the losses against the penalty ||W||^2 / 2, as in scikit-learn; the smaller,
            the stronger the penalty.
        scaling: features to unit length, by mean and standard deviation over the pool, or as they
            are.
    """
    return logistic_many([task], [rng], C=C, scaling=scaling)[0]


def logistic_many(
    tasks: Sequence[Task], rngs: Sequence[np.random.Generator], *, C: float, scaling: Scaling
) -> list[Predictions]:
    """Fit the heads of several tasks at once; each is the head that `logistic` fits, to the bit.

    Args:
        tasks: of one pool and test set: the same arrays. Labels and their number differ.
        rngs: unused.
        C: as in `logistic`.
        scaling: as in `logistic`.

    Raises:
        ValueError: a task has no label.
    """
    for task in tasks:
        task.require_label("logistic")
    if not tasks:
        return []
    scale = _scale(scaling, tasks[0].train)
    inputs = [scale(np.asarray(task.train[task.labeled])) for task in tasks]
    labels = [task.labels[task.labeled] for task in tasks]
    if binary := tasks[0].multilabel:
        solved = binary_heads.fit_many(inputs, labels, C)
    else:
        solved = logistic_regression.fit_many(inputs, labels, tasks[0].num_classes, C)
    heads = [Head(scale, weights.astype(np.float32), None, 0.0, binary) for weights in solved]
    tests = probs_of_all(heads, tasks[0].test)
    return [head.predictions(t, test) for head, t, test in zip(heads, tasks, tests, strict=True)]


def _scale(scaling: Scaling, pool: Features) -> Scale:
    scales: dict[str, Any] = {"l2": lambda: unit_rows, "standardize": lambda: standardizer(pool)}
    scale: Scale = scales.get(scaling, lambda: lambda features: features)()
    return scale
