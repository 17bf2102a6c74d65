"""Arrays -> numbers, where an image may have several classes: labels (N, C) of 0, 1 and unknown.

Each class is measured for itself, on the images of which it is known, and the mean is taken over
the classes that can be measured. Probabilities (N, C) are each of a class for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.kernels.over_classes import mean_of_defined
from rayal.kernels.roc_area import area_under_roc
from rayal.label_arrays import count_by_class, has_label
from rayal.metrics import class_entropy, coverage, l1_score

Labels = npt.NDArray[np.int64]
Probs = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HALF = 0.5  # the threshold of whatever has none of its own


def evaluate(  # noqa: PLR0913  as metrics.evaluate, and the thresholds
    *,
    test_probs: Probs,
    test_labels: Labels,
    pool_probs: Probs,
    pool_truth: Labels,
    labels: Labels,
    num_classes: int,
    thresholds: Float64,
) -> dict[str, Any]:
    """Measure a round; the keys are the columns of a record.

    Balanced accuracy and mean per-class accuracy are absent: they are of one class an image.

    Args:
        test_probs: (M, C).
        test_labels: (M, C).
        pool_probs: (N, C).
        pool_truth: (N, C) of the whole pool.
        labels: (N, C) those revealed so far, a row of -1 where an image has none.
        num_classes: C.
        thresholds: (C,) from which on a class is predicted, for F1.
    """
    auc, missing = macro_auc(test_probs, test_labels)
    precision, without_positive = mean_average_precision(test_probs, test_labels)
    counts = count_by_class(labels, num_classes)
    return {
        "auc": auc,
        "auc_missing_classes": missing,
        "mean_average_precision": precision,
        "f1": macro_f1(test_probs, test_labels, thresholds)[0],
        "classes_without_positive": without_positive,
        "thresholds": thresholds.tolist(),
        "accuracy": accuracy(test_probs, test_labels),
        "pool_error": pool_error(pool_probs, pool_truth, labels),
        "coverage": coverage(counts),
        "class_entropy": class_entropy(counts),
        "l1_score": l1_score(counts),
        "class_counts": counts.tolist(),
        "one_sided_classes": one_sided_classes(labels).tolist(),
    }


def macro_auc(probs: Probs, labels: Labels) -> tuple[float, list[int]]:
    """Return the mean area under the ROC curve of (M, C) classes, and those left out of it.

    A class is left out where no image is known to have it, or none not to. NaN where all are.
    """
    return _mean_over_classes(area_under_roc, probs, labels)


def mean_average_precision(probs: Probs, labels: Labels) -> tuple[float, list[int]]:
    """Return the mean average precision of (M, C) classes, and those without a positive.

    These are left out. NaN where all are.
    """
    return _mean_over_classes(average_precision, probs, labels)


def macro_f1(probs: Probs, labels: Labels, thresholds: Float64) -> tuple[float, list[int]]:
    """Return the mean F1 of the classes at thresholds (C,), and the classes without a positive.

    These are left out. NaN where all are.
    """
    return _mean_over_classes(f1, probs, labels, thresholds)


def accuracy(probs: Probs, labels: Labels) -> float:
    """Return the mean over (M, C) classes of the share of right decisions at one half."""
    known = labels >= 0
    right = ((probs >= HALF) == (labels == 1)) & known
    counts = known.sum(axis=0)
    return float((right.sum(axis=0)[counts > 0] / counts[counts > 0]).mean())


def pool_error(probs: Probs, truth: Labels, labels: Labels) -> float:
    """Return the share of wrong decisions at one half on the pool's images without a label.

    Of the classes (N, C) that are known (Hamming loss); NaN where no image is left.
    """
    left = ~has_label(labels)
    known = truth[left] >= 0
    if not known.any():
        return float("nan")
    return float(np.mean(((probs[left] >= HALF) != (truth[left] == 1))[known]))


def average_precision(scores: Probs, positive: Bools) -> float:
    """Return sum (R_i - R_(i-1)) P_i over the thresholds of scores (n,); NaN without a positive.

    Precision P and recall R are those of all images at least as high; equal scores are one
    threshold, and nothing is interpolated, as in scikit-learn.
    """
    if not positive.any():
        return float("nan")
    hits, asked = _at_thresholds(scores, positive)[:2]
    gained = np.diff(hits, prepend=0) / hits[-1]
    return float((gained * hits / asked).sum())


def f1(scores: Probs, positive: Bools, threshold: float) -> float:
    """Return 2 TP / (2 TP + FP + FN) of scores (n,), positive from the threshold on."""
    if not positive.any():
        return float("nan")
    predicted = scores >= threshold
    return float(2 * (predicted & positive).sum() / (predicted.sum() + positive.sum()))


def best_thresholds(probs: Probs, labels: Labels) -> Float64:
    """Return (C,), for each class the threshold of the highest F1 on these images.

    It lies midway between the lowest probability that counts and the next one, below the lowest
    midway to 0; of equal F1 the highest. A class without a positive has one half. A probability of
    NaN is one that nothing was learned for: it does not count.
    """
    thresholds = np.full(labels.shape[1], HALF)
    for column, own in enumerate(labels.T):
        known = (own >= 0) & ~np.isnan(probs[:, column])
        if (own[known] == 1).any():
            thresholds[column] = _best_threshold(probs[known, column], own[known] == 1)
    return thresholds


def deal_folds(labels: Labels, folds: int, rng: np.random.Generator) -> Labels:
    """Return (n,), which fold each labeled image is in, those of each class spread over all.

    Images are dealt in turn, sorted by the rarest class that they have.
    """
    counts = count_by_class(labels, labels.shape[1])
    images = np.where(labels == 1, counts, len(labels) + 1)  # of each class that an image has
    rarity, rarest = images.min(axis=1), images.argmin(axis=1)
    shuffled = rng.permutation(len(labels))
    order = shuffled[np.lexsort((rarest[shuffled], rarity[shuffled]))]
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order] = np.arange(len(labels)) % folds
    return fold


def one_sided_classes(labels: Labels) -> npt.NDArray[np.int64]:
    """Return the classes of which the labels (N, C) have no positive or no negative.

    A learner can say nothing of them but one and the same probability.
    """
    both = (labels == 1).any(axis=0) & (labels == 0).any(axis=0)
    return np.flatnonzero(~both)


def _mean_over_classes(
    measure: Callable[..., float], probs: Probs, labels: Labels, *by_class: Float64
) -> tuple[float, list[int]]:
    """Return the mean of a measure of each class, and the classes of which it is not defined."""
    values = []
    for column, own in enumerate(labels.T):
        known = own >= 0
        settings = [float(setting[column]) for setting in by_class]
        values.append(measure(probs[known, column], own[known] == 1, *settings))
    return mean_of_defined(values)


def _at_thresholds(scores: Probs, positive: Bools) -> tuple[Labels, Labels, Probs]:
    """Return how many positives and images are at least as high as each score, and the score.

    Different scores, highest first.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(positive[order], dtype=np.int64)
    return hits[last], (last + 1).astype(np.int64), ranked[last]


def _best_threshold(scores: Probs, positive: Bools) -> float:
    hits, asked, values = _at_thresholds(scores, positive)
    best = int((2 * hits / (asked + hits[-1])).argmax())
    below = values[best + 1] if best + 1 < len(values) else values.dtype.type(0)
    middle = (values[best] + below) / 2  # of neighboring floats rounded to one of them
    return float(middle if middle > below else values[best])
