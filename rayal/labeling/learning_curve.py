"""What more labels would bring: the learning curve, and its continuation with an interval.

The error of a classifier falls about as a power of the number of labels (Hestness et al. 2017);
here error(n) = a + b / sqrt(n), fitted to the errors of classifiers that are trained on parts of
the labels and tried on images that they did not see: those held out and the audit sample. The
interval is a bootstrap over these images, by groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Indices, Labels
from rayal.labeling.accuracy import Share, accuracy_of
from rayal.labeling.folds import group_folds
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.training import probabilities

Floats = npt.NDArray[np.float64]
PARTS = (0.4, 0.55, 0.75, 1.0)  # of the labels of a training fold
FOLDS, REPEATS, DRAWS = 5, 4, 1000
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
        CurvePoint(
            number, int((own != UNLABELED).sum()), accuracy_of(p, truth, pool.classes).overall
        )
        for (number, own), p in zip(sets.items(), answers, strict=True)
    ]


def labels_by_round(pool: LabeledPool) -> dict[int, Labels]:
    """Return round -> the labels (n,) of training images that it and those before it gave."""
    rounds = pool.rounds[pool.training]
    return {
        int(number): np.where(rounds <= number, pool.training_labels, UNLABELED)
        for number in np.unique(rounds)
    }


def expected_gain(pool: LabeledPool, more: int, rng: np.random.Generator) -> Gain | None:
    """Return what `more` labels are expected to bring, None where there are too few to say.

    Args:
        pool: with labels.
        more: number of labels, above 0.
        rng: decides folds, parts and the bootstrap.
    """
    n = len(pool.training)
    if n < LEAST or len(np.unique(pool.training_labels)) < 2:
        return None
    tried = _errors_of_parts(pool, rng)
    if tried is None:
        return None
    sizes, errors, groups = tried
    drawn = _bootstrap_means(errors, groups, rng)
    gains = 100 * _slopes(sizes, drawn) * (n**-0.5 - (n + more) ** -0.5)
    low, high = np.percentile(gains[1:], [2.5, 97.5])
    return Gain(more, float(gains[0]), float(low), float(high))


def _errors_of_parts(
    pool: LabeledPool, rng: np.random.Generator
) -> tuple[Floats, Floats, Indices] | None:
    """Return sizes (P,), how often each image was wrong after each part (E, P), and its group."""
    groups = pool.groups[pool.training]
    if len(np.unique(groups)) < FOLDS:
        return None
    rows = np.concatenate([pool.training, pool.audited])
    sets, held, parts = [], [], []
    for _ in range(REPEATS):
        folds = group_folds(groups, pool.training_labels, FOLDS, rng)
        for fold in range(FOLDS):
            inside = rng.permutation(np.flatnonzero(folds != fold))
            for part, share in enumerate(PARTS):
                own = np.full(len(groups), UNLABELED, dtype=np.int64)
                kept = inside[: max(1, round(share * len(inside)))]
                own[kept] = pool.training_labels[kept]
                sets.append(own)
                held.append(np.concatenate([folds == fold, np.ones(len(pool.audited), bool)]))
                parts.append(part)
    test = np.asarray(pool.features[rows])
    answers = probabilities(pool.training_features, sets, pool.num_classes, test)
    wrong = np.stack([p.argmax(axis=1) != pool.labels[rows] for p in answers])
    in_part = np.asarray(parts)[:, None] == np.arange(len(PARTS))
    counts = in_part.T.astype(float) @ np.stack(held)
    errors = (in_part.T.astype(float) @ (wrong & np.stack(held))) / counts
    sizes = np.asarray([(s != UNLABELED).sum() for s in sets], dtype=float)
    return (in_part.T @ sizes) / in_part.sum(axis=0), errors.T, pool.groups[rows]


def _bootstrap_means(values: Floats, groups: Indices, rng: np.random.Generator) -> Floats:
    """Return means (1 + DRAWS, P) of values (E, P): as they are, then with groups drawn anew."""
    names, member = np.unique(groups, return_inverse=True)
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    image_weights = np.concatenate([np.ones((1, len(groups))), weights[:, member]])
    return np.asarray(image_weights @ values / image_weights.sum(axis=1, keepdims=True))


def _slopes(sizes: Floats, errors: Floats) -> Floats:
    """Return b of error = a + b / sqrt(n), a and b >= 0, by least squares, for each row (R, P)."""
    x = sizes**-0.5
    centered = x - x.mean()
    b = np.maximum(errors @ centered / (centered @ centered), 0.0)
    with_a = errors.mean(axis=1) - b * x.mean() >= 0
    return np.asarray(np.where(with_a, b, errors @ x / (x @ x)))
