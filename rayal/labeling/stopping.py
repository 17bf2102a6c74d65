"""When to stop labeling: what the rounds say. Advice, never a decision.

Two rules look at a fixed random set of images without labels and need none: predictions have
stabilized when Cohen's kappa of successive rounds is .99 or more in the mean of the last three
(Bloodgood and Vijay-Shanker 2009), and do not change when the last two rounds agree on every image
(Zhu et al. 2008). The third sign is the learning curve: what the next labels should bring.

Measured by `benchmarks/labeling_report.py` with rounds of 20 from 20 to 400 labels of 1,500 images,
random choice and uncertainty, three seeds each, on features of an ImageNet network: stabilized
predictions stopped scans at 100 to 140 labels and lost 0 to 1.3 points against 400, MNIST under
uncertainty at 300 to 340 (.4 to 1.3 points), blood cells and CIFAR-10-LT not at all; predictions
without a change stopped scans alone, at 100 to 340 labels (0 to .3 points). Both are safe and late.

Where an image may have several classes, kappa is that of the class on which successive rounds
agree least, and a prediction has changed where one of its classes has. By
`benchmarks/multilabel_report.py` neither stopped mosaics of blood cells or of scans before 400
labels, in twelve projects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rayal.kernels.agreement import cohen_kappa
from rayal.labeling.labeled import Bools, LabeledPool
from rayal.labeling.learning_curve import Gain, expected_gain, labels_by_round
from rayal.labeling.training import probabilities
from rayal.multilabel_metrics import HALF

STOP_SET = 1000  # images at the most
KAPPA, ROUNDS = 0.99, 3
NEXT = 100  # labels that the next step is judged by


@dataclass(frozen=True)
class StoppingAdvice:
    """What each sign says.

    kappas: agreement of the predictions of successive rounds. stable, unchanged: None where there
    are too few rounds to say. gain: of the next labels, None where there are too few labels.
    """

    stop_set: int
    kappas: tuple[float, ...]
    stable: bool | None
    unchanged: bool | None
    gain: Gain | None


def stopping_advice(
    pool: LabeledPool, rng: np.random.Generator, more: int = NEXT
) -> StoppingAdvice:
    """Return what the rounds so far say about going on.

    Args:
        pool: with labels.
        rng: draws the stop set, folds and parts.
        more: labels whose gain is estimated.
    """
    rows = pool.unlabeled
    chosen = np.sort(rng.permutation(rows)[:STOP_SET])
    kappas, changes = _agreements(pool, chosen) if len(chosen) else ([], [])
    return StoppingAdvice(
        len(chosen),
        tuple(kappas),
        stable=float(np.mean(kappas[-ROUNDS:])) >= KAPPA if len(kappas) >= ROUNDS else None,
        unchanged=changes[-1] == 0 if changes else None,
        gain=expected_gain(pool, min(more, len(rows)), rng) if len(rows) else None,
    )


def _agreements(pool: LabeledPool, rows: np.ndarray) -> tuple[list[float], list[int]]:
    """Return kappa, and how many predictions changed, between each round and the one before."""
    sets = list(labels_by_round(pool).values())
    if not sets:
        return [], []
    test = np.asarray(pool.features[rows])
    answers = probabilities(pool.training_features, sets, pool.num_classes, test)
    if pool.multilabel:
        return _agreements_of_each_class([probs >= HALF for probs in answers])
    classes = [probs.argmax(axis=1) for probs in answers]
    pairs = list(pairwise(classes))
    kappas = [cohen_kappa(a, b, pool.num_classes) for a, b in pairs]
    return kappas, [int((a != b).sum()) for a, b in pairs]


def _agreements_of_each_class(answers: Sequence[Bools]) -> tuple[list[float], list[int]]:
    """Return the same of decisions (n, C): the least kappa of a class, and images that changed."""
    pairs = [(a.astype(np.int64), b.astype(np.int64)) for a, b in pairwise(answers)]
    kappas = [min(cohen_kappa(x, y, 2) for x, y in zip(a.T, b.T, strict=True)) for a, b in pairs]
    return kappas, [int((a != b).any(axis=1).sum()) for a, b in pairs]
