"""How good a classifier is where an image may have several classes.

A class is predicted where its probability is one half or more. An image is right where all of its
classes are, and no other is predicted (exact match): that is a binomial draw, as the accuracy of
one class an image is. Of each class, recall is of the images that have it, specificity of the
others: the share of right decisions alone would be high for a rare class that is never predicted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rayal.contracts import Labels, Probs
from rayal.labeling.share import Share
from rayal.multilabel_metrics import HALF, macro_auc, mean_average_precision


@dataclass(frozen=True)
class MultilabelAccuracy:
    """overall: images of which all classes are right. recall, specificity: of each class.

    macro_auc, mean_average_precision: means over the classes of which there are images with and
    without; None where there is no such class. not_ranked: the classes left out of the first.
    """

    overall: Share
    recall: dict[str, Share]
    specificity: dict[str, Share]
    macro_auc: float | None
    mean_average_precision: float | None
    not_ranked: tuple[str, ...]


def multilabel_accuracy_of(
    probs: Probs, labels: Labels, classes: tuple[str, ...]
) -> MultilabelAccuracy:
    """Return the accuracy of predictions.

    Args:
        probs: (n, C), each of a class for itself.
        labels: (n, C) of 0 and 1.
        classes: C names.
    """
    predicted, has = probs >= HALF, labels == 1
    right = predicted == has
    recall, specificity = (
        {name: Share(int(right[of, c].sum()), int(of.sum()))
         for c, (name, of) in enumerate(zip(classes, whose.T, strict=True))}
        for whose in (has, ~has)
    )  # fmt: skip
    auc, not_ranked = macro_auc(probs, labels)
    precision = mean_average_precision(probs, labels)[0]
    return MultilabelAccuracy(
        Share(int(right.all(axis=1).sum()), len(labels)),
        recall,
        specificity,
        None if math.isnan(auc) else auc,
        None if math.isnan(precision) else precision,
        tuple(classes[c] for c in not_ranked),
    )
