"""How good the classifier is: from the audit sample, and from the labels that it learns from.

Images that a strategy chose cannot say how good a classifier is on the others. The audit sample,
drawn at random before the first choice, can: the number of its images that are classified right is
a binomial draw, and the interval is exact (Clopper and Pearson 1934). Cross-validation on the
chosen images needs no further labels, and is no estimate of the accuracy on the others: it is shown
apart, under its own name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rayal.contracts import Indices, Labels, Probs
from rayal.label_arrays import is_multilabel
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.multilabel_accuracy import MultilabelAccuracy, multilabel_accuracy_of
from rayal.labeling.share import Share
from rayal.labeling.training import held_out, probabilities


@dataclass(frozen=True)
class Accuracy:
    """Share of images classified right, of all and of each class (recall)."""

    overall: Share
    recall: dict[str, Share]
    confusions: tuple[tuple[str, str, int], ...]  # (true, predicted, count), most frequent first


AnyAccuracy: TypeAlias = Accuracy | MultilabelAccuracy


def audit_accuracy(pool: LabeledPool) -> AnyAccuracy | None:
    """Return the accuracy on the audit sample of the classifier trained on the other labels.

    None where one of the two has no label.
    """
    if not len(pool.training) or not len(pool.audited):
        return None
    test = np.asarray(pool.features[pool.audited])
    sets = [pool.training_labels]
    probs = probabilities(pool.training_features, sets, pool.num_classes, test)[0]
    return accuracy_of(probs, pool.labels[pool.audited], pool.classes)


def optimistic_accuracy(pool: LabeledPool, rng: np.random.Generator) -> AnyAccuracy | None:
    """Return the accuracy in a cross-validation on the images that train, by groups.

    None where they are of one group alone.
    """
    groups: Indices = pool.groups[pool.training]
    probs = held_out(
        pool.training_features, pool.training_labels, groups, pool.num_classes, rng
    ) if len(groups) else None  # fmt: skip
    return None if probs is None else accuracy_of(probs, pool.training_labels, pool.classes)


def accuracy_of(probs: Probs, labels: Labels, classes: tuple[str, ...]) -> AnyAccuracy:
    """Return the accuracy of predictions.

    Args:
        probs: (n, C).
        labels: (n,), or (n, C), all known.
        classes: C names.
    """
    if is_multilabel(labels):
        return multilabel_accuracy_of(probs, labels, classes)
    predicted = probs.argmax(axis=1)
    right = predicted == labels
    recall = {
        name: Share(int(right[labels == c].sum()), int((labels == c).sum()))
        for c, name in enumerate(classes)
    }
    wrong, counts = np.unique(
        np.stack([labels[~right], predicted[~right]], axis=1), axis=0, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    confusions = tuple((classes[wrong[i, 0]], classes[wrong[i, 1]], int(counts[i])) for i in order)
    return Accuracy(Share(int(right.sum()), len(labels)), recall, confusions)
