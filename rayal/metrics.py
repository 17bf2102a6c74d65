"""Arrays -> numbers: what is measured after each round, and over the rounds of a trial.

Macro averages state what they do about classes that a test set or a choice does not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.over_classes import mean_of_defined
from rayal.kernels.roc_area import area_under_roc

Labels = npt.NDArray[np.int64]
Probs = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.int64]


def evaluate(
    *,
    test_probs: Probs,
    test_labels: Labels,
    pool_probs: Probs,
    pool_truth: Labels,
    labels: Labels,
    num_classes: int,
) -> dict[str, Any]:
    """Measure a round; the keys are the columns of a record.

    Args:
        test_probs: (M, C).
        test_labels: (M,) classes.
        pool_probs: (N, C).
        pool_truth: (N,) the classes of the whole pool.
        labels: (N,) those revealed so far, negative where unknown.
        num_classes: C.
    """
    auc, missing = macro_auc(test_probs, test_labels)
    predicted = test_probs.argmax(axis=1)
    counts = np.bincount(labels[labels >= 0], minlength=num_classes)
    return {
        "auc": auc,
        "auc_missing_classes": missing,
        "accuracy": accuracy(predicted, test_labels),
        "balanced_accuracy": balanced_accuracy(predicted, test_labels, num_classes),
        "mean_class_accuracy": mean_class_accuracy(predicted, test_labels, num_classes),
        "pool_error": pool_error(pool_probs, pool_truth, labels),
        "coverage": coverage(counts),
        "class_entropy": class_entropy(counts),
        "l1_score": l1_score(counts),
        "class_counts": counts.tolist(),
    }


def macro_auc(probs: Probs, labels: Labels) -> tuple[float, list[int]]:
    """Return the mean one-vs-rest area under the ROC curve, and the classes left out of it.

    A class is left out where the labels (M,) hold no image of it, or of no other: its area is
    undefined. NaN where all are left out.
    """
    return mean_of_defined(
        [area_under_roc(probs[:, c], labels == c) for c in range(probs.shape[1])]
    )


def accuracy(predicted: Labels, labels: Labels) -> float:
    """Return the share of (M,) predictions that are right."""
    return float(np.mean(predicted == labels))


def balanced_accuracy(predicted: Labels, labels: Labels, num_classes: int) -> float:
    """Return the mean recall of the classes that the labels (M,) hold; the others do not count."""
    return float(np.nanmean(_recalls(predicted, labels, num_classes)))


def mean_class_accuracy(predicted: Labels, labels: Labels, num_classes: int) -> float:
    """Return the mean over all C classes of the share of its images that are right.

    A class that the labels (M,) do not hold counts as 0; where they hold all, this is the balanced
    accuracy.
    """
    return float(np.nan_to_num(_recalls(predicted, labels, num_classes)).mean())


def pool_error(probs: Probs, truth: Labels, labels: Labels) -> float:
    """Return the error rate on the pool's images without a label; NaN where none is left.

    Args:
        probs: class probabilities (N, C).
        truth: true classes (N,).
        labels: (N,) those revealed so far, negative where unknown.
    """
    left = labels < 0
    if not left.any():
        return float("nan")
    return float(np.mean(probs[left].argmax(axis=1) != truth[left]))


def coverage(counts: Counts) -> float:
    """Return the share of classes with a label; counts (C,) are labels of each class."""
    return float(np.mean(counts > 0))


def class_entropy(counts: Counts) -> float:
    """Return the entropy in nats of the labels' classes, from their counts (C,).

    It is log C where classes are balanced, and 0 where there is one.
    """
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum() + 0.0)


def l1_score(counts: Counts) -> float:
    """Return sum |n_c - b/C| C / (2 b (C - 1)) of counts n (C,), b labels in all (CBAL).

    It is 0 where classes are balanced, 1 where there is one; NaN without labels.
    """
    classes, labeled = len(counts), counts.sum()
    if labeled == 0:
        return float("nan")
    distance = np.abs(counts - labeled / classes).sum()
    return float(distance * classes / (2 * labeled * (classes - 1)))


def _recalls(predicted: Labels, labels: Labels, num_classes: int) -> npt.NDArray[np.float64]:
    """Return the share of each class's images that are right (C,), NaN for a class without any."""
    images = np.bincount(labels, minlength=num_classes)
    right = np.bincount(labels[predicted == labels], minlength=num_classes)
    recalls = np.full(num_classes, np.nan)
    np.divide(right, images, out=recalls, where=images > 0)
    return recalls
