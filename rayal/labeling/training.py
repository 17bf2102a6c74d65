"""The learner of a labeling project: logistic regression on its features, as in sweeps.

Where an image may have several classes, of each class for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rayal.contracts import UNLABELED, Features, Indices, Labels, Predictions, Probs, Task
from rayal.label_arrays import is_multilabel, mask_labels
from rayal.labeling.folds import group_folds
from rayal.multilabel_metrics import one_sided_classes
from rayal.registry import LEARNERS
from rayal.seeds import generator

LEARNER = "logistic"
FOLDS = 10


def train(features: Features, labels: Labels, num_classes: int, seed: int) -> Predictions | None:
    """Train the classifier of a project on its labels.

    Args:
        features: (N, D) of the pool.
        labels: (N,), or (N, C), so far.
        num_classes: C.
        seed: of the project.

    Returns:
        What it predicts of the pool; None where labels tell no two classes apart.
    """
    if not can_be_learned(labels):
        return None
    component = LEARNERS.find(LEARNER)
    task = Task(features, features[:1], labels, num_classes)
    rng = generator("labeling classifier", seed)
    predictions: Predictions = component.function(task, rng, **component.bind({}))
    return predictions


def fit(
    features: Features, label_sets: Sequence[Labels], num_classes: int, test: Features
) -> list[Predictions]:
    """Train a head on each set of labels; they share features, so they are trained together.

    Args:
        features: (n, D) of the images that have a label in one of the sets.
        label_sets: (n,) each, or (n, C); UNLABELED where a head is not to see it.
        num_classes: C.
        test: (M, D), features of images to predict.

    Raises:
        ValueError: a set has no label.
    """
    component = LEARNERS.find(LEARNER)
    params = component.bind({})
    tasks = [Task(features, test, labels, num_classes) for labels in label_sets]
    rngs = [np.random.default_rng(0) for _ in tasks]  # it draws nothing
    batched = component.traits.fit_batched
    if batched is None:
        return [component.function(*each, **params) for each in zip(tasks, rngs, strict=True)]
    return batched(tasks, rngs, **params)


def probabilities(
    features: Features, label_sets: Sequence[Labels], num_classes: int, test: Features
) -> list[Probs]:
    """Return the class probabilities (M, C) by the head of each set of labels; see `fit`."""
    return [predictions.test for predictions in fit(features, label_sets, num_classes, test)]


def held_out(
    features: Features, labels: Labels, groups: Indices, num_classes: int, rng: np.random.Generator
) -> Probs | None:
    """Return the probabilities (n, C) of each image by a head that saw nothing of its group.

    Args:
        features: (n, D).
        labels: (n,), or (n, C), all known.
        groups: (n,).
        num_classes: C.
        rng: decides the folds.

    Returns:
        None where all images are of one group.
    """
    folds = group_folds(groups, labels, FOLDS, rng)
    numbers = np.unique(folds)
    if len(numbers) < 2:
        return None
    sets = [mask_labels(labels, folds == fold) for fold in numbers]
    answers = probabilities(features, sets, num_classes, features)
    return np.asarray(np.stack(answers)[np.searchsorted(numbers, folds), np.arange(len(labels))])


def can_be_learned(labels: Labels) -> bool:
    """Whether labels (n,), or (n, C), tell anything apart: two classes, or one from its lack."""
    if is_multilabel(labels):
        return bool(len(one_sided_classes(labels)) < labels.shape[1])
    return len(np.unique(labels[labels != UNLABELED])) > 1
