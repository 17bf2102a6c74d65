"""What more labels would bring: the learning curve, and its continuation with an interval.

The error of a classifier falls about as a power of the number of labels (Hestness et al. 2017);
here error(n) = a + b / sqrt(n), fitted to the errors of classifiers that are trained on parts of
the labels and tried on images that they did not see: those held out and the audit sample.

A range of the gain is measured, not computed: a bootstrap over the images held the truth in 28 %
of 288 cases where it claimed 95 %, for most of the uncertainty is which images the next round will
choose. From .1 times the expected gain less .3 points to 2.2 times and .3 points more it lay in 186
of 192 cases (`benchmarks/labeling_report.py`: blood cells, scans, MNIST and CIFAR-10-LT on features
of an ImageNet network, random choice and uncertainty, 60 to 300 labels, 40 or 100 more; 21 to 24 of
24 in each). These numbers were chosen on the same images, at a stronger penalty, where it was 94 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Indices, Labels
from rayal.label_arrays import has_label, mask_labels
from rayal.labeling.accuracy import accuracy_of
from rayal.labeling.folds import group_folds
from rayal.labeling.labeled import Bools, LabeledPool
from rayal.labeling.share import Share
from rayal.labeling.training import probabilities

Floats = npt.NDArray[np.float64]
PARTS = (0.4, 0.55, 0.75, 1.0)  # of the labels of a training fold
FOLDS, REPEATS = 5, 4
LOW, HIGH, POINTS = 0.1, 2.2, 0.3  # of the range: factors of the expected gain, and points
LEAST = 20  # labels below which nothing is said


@dataclass(frozen=True)
class CurvePoint:
    """What the classifier was after a round: labels that it learned from, accuracy on the audit."""

    round: int
    labels: int
    accuracy: Share


@dataclass(frozen=True)
class Gain:
    """What so many more labels are expected to bring, in points of accuracy (0 to 100)."""

    more: int
    expected: float
    low: float
    high: float


def curve_over_rounds(pool: LabeledPool) -> list[CurvePoint]:
    """Return the accuracy on the audit sample after each round that added labels."""
    if not len(pool.audited):
        return []
    sets = labels_by_round(pool)
    test = np.asarray(pool.features[pool.audited])
    answers = probabilities(pool.training_features, list(sets.values()), pool.num_classes, test)
    truth = pool.labels[pool.audited]
    return [
        CurvePoint(number, int(has_label(own).sum()), accuracy_of(p, truth, pool.classes).overall)
        for (number, own), p in zip(sets.items(), answers, strict=True)
    ]


def labels_by_round(pool: LabeledPool) -> dict[int, Labels]:
    """Return round -> the labels of training images, (n,) or (n, C), by it and those before it."""
    rounds = pool.rounds[pool.training]
    return {
        int(number): mask_labels(pool.training_labels, rounds > number)
        for number in np.unique(rounds)
    }


def expected_gain(pool: LabeledPool, more: int, rng: np.random.Generator) -> Gain | None:
    """Return what `more` labels are expected to bring, None where there are too few to say.

    None too where an image may have several classes: fitted to the share of images with all
    classes right, the range held the true gain in 46 of 48 cases on mosaics of scans, and in 23 of
    48 on those of blood cells.

    Args:
        pool: with labels.
        more: number of labels, above 0.
        rng: decides folds and parts.
    """
    n = len(pool.training)
    if pool.multilabel or n < LEAST or len(np.unique(pool.training_labels)) < 2:
        return None
    tried = _errors_of_parts(pool, rng)
    if tried is None:
        return None
    sizes, errors = tried
    expected = 100 * _slope(sizes, errors) * (n**-0.5 - (n + more) ** -0.5)
    return Gain(more, expected, max(0.0, LOW * expected - POINTS), HIGH * expected + POINTS)


def _errors_of_parts(pool: LabeledPool, rng: np.random.Generator) -> tuple[Floats, Floats] | None:
    """Return the mean number of labels (P,) and the error (P,) of heads trained on each part.

    None where the images are of too few groups to hold some out.
    """
    groups, labels = pool.groups[pool.training], pool.training_labels
    if len(np.unique(groups)) < FOLDS:
        return None
    rows = np.concatenate([pool.training, pool.audited])
    sets: list[Labels] = []
    tried: list[Bools] = []
    for _ in range(REPEATS):
        folds = group_folds(groups, labels, FOLDS, rng)
        for fold in range(FOLDS):
            sets += _parts_of(labels, rng.permutation(np.flatnonzero(folds != fold)))
            seen_by_none = np.concatenate([folds == fold, np.ones(len(pool.audited), dtype=bool)])
            tried += [seen_by_none] * len(PARTS)
    answers = probabilities(
        pool.training_features, sets, pool.num_classes, np.asarray(pool.features[rows])
    )
    errors = [
        float(np.mean(probs[own].argmax(axis=1) != pool.labels[rows][own]))
        for probs, own in zip(answers, tried, strict=True)
    ]
    sizes = [float((own != UNLABELED).sum()) for own in sets]
    shape = -1, len(PARTS)
    return np.reshape(sizes, shape).mean(axis=0), np.reshape(errors, shape).mean(axis=0)


def _parts_of(labels: Labels, rows: Indices) -> list[Labels]:
    """Return labels (n,) of the first so many of the rows, for each part."""
    parts = []
    for share in PARTS:
        own = np.full(len(labels), UNLABELED, dtype=np.int64)
        kept = rows[: max(1, round(share * len(rows)))]
        own[kept] = labels[kept]
        parts.append(own)
    return parts


def _slope(sizes: Floats, errors: Floats) -> float:
    """Return b of error = a + b / sqrt(n), a and b >= 0, by least squares over parts (P,)."""
    x = sizes**-0.5
    centered = x - x.mean()
    b = max(float(errors @ centered / (centered @ centered)), 0.0)
    return b if errors.mean() >= b * x.mean() else float(errors @ x / (x @ x))
