"""What the report of a labeling project is worth where an image may have several classes.

    python -m benchmarks.multilabel_report MEASURE FEATURES.npz ...

    audit        how often the audit interval holds
    stopping     what each stopping rule costs
    calibration  probabilities before and after
    suspects     how many wrong decisions are found

Each file has features `x` (N, D) and labels `y` (N, C) of 0 and 1. A project is a random part of
them; it labels 20 images a round, the first by k-means and then by margin, or all at random. A line
is printed for each file and way to choose. The figures in docs/labeling.md are those of 2,600
mosaics each of 2 x 2 images of blood cells and of scans, of which a place is empty with a chance of
.55 and classes are drawn with shares that fall linearly to a quarter, on features of
EfficientNet-Lite0 at 112 pixels; audit with 20 seeds, stopping with 3.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.simulated_labeling import (
    STEP,
    Float64,
    Floats,
    Ints,
    SimulatedProject,
    calibration,
    estimated_accuracy,
    main,
    stopping,
    with_labels,
)
from rayal.contracts import Pool, Predictions
from rayal.kernels.agreement import cohen_kappa
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.suspects import suspects
from rayal.multilabel_metrics import HALF
from rayal.registry import STRATEGIES


class MultilabelProject(SimulatedProject):
    """A project in which an image may have several classes."""

    def query_by_margin(self, features: Floats, labels: Ints) -> Ints:
        probs = self.predict(features)
        pool = Pool(
            features, labels, self.num_classes, predictions=Predictions(probs, lambda: probs)
        )
        margin = STRATEGIES.find("margin")
        return np.asarray(margin.function(pool, STEP, self.rng, **margin.bind({})))

    def decide(self, features: Floats) -> Ints:
        return (self.predict(features) >= HALF).astype(np.int64)

    def kappa(self, before: Ints, now: Ints) -> float:
        return min(cohen_kappa(a, b, 2) for a, b in zip(before.T, now.T, strict=True))

    def as_single_class(self, probs: Float64, truth: Ints) -> tuple[Float64, Ints]:
        present = probs.ravel()
        return np.column_stack([1 - present, present]), truth.ravel()


def audit(projects: Iterable[MultilabelProject]) -> str:
    """How often intervals hold their shares on the images without a label, at 60 labels."""
    held, recall_held = [], []
    for project, pool in with_labels(projects, 60):
        estimated = estimated_accuracy(pool)
        features, truth = project.features[pool.unlabeled], project.truth[pool.unlabeled]
        low, high = estimated.overall.interval
        held.append(low <= project.accuracy(features, truth) <= high)
        decided = project.decide(features)
        for c, share in enumerate(estimated.recall.values()):
            has_class = truth[:, c] == 1
            if share.n and has_class.any():
                low, high = share.interval
                recall_held.append(low <= decided[has_class, c].mean() <= high)
    return (
        f"all right: held in {sum(held)} of {len(held)}; recall of a class: in {sum(recall_held)} "
        f"of {len(recall_held)}"
    )


def wrong_decisions(projects: Iterable[MultilabelProject]) -> str:
    """Of 200 labels 10 with one wrong decision, half of them a class that is left out."""
    numbers = []
    for project, pool in with_labels(projects, 200):
        wrong = {
            _flip_decision(pool.labels, row, n % 2, project.rng)
            for n, row in enumerate(_ten_of_mixed_decisions(project, pool))
        }
        suspected = {(one.row, one.label.split()[1]) for one in suspects(pool, project.rng)}
        hits = len(suspected & wrong)
        numbers.append([hits / len(wrong), hits / max(1, len(suspected)), len(suspected)])
    recall, precision, count = np.mean(numbers, axis=0)
    return (
        f"found {recall:.0%} of the wrong decisions; {precision:.0%} of the {count:.0f} suspected "
        "are wrong"
    )


def _ten_of_mixed_decisions(project: MultilabelProject, pool: LabeledPool) -> list[int]:
    """Return ten labeled images, drawn at random, that have a class and lack another."""
    has = pool.training_labels == 1
    mixed = pool.training[has.any(axis=1) & ~has.all(axis=1)]
    return [int(row) for row in project.rng.permutation(mixed)[:10]]


def _flip_decision(labels: Ints, row: int, value: int, rng: np.random.Generator) -> tuple[int, str]:
    """Turn a decision of an image that is not `value` into it; return row and class."""
    c = int(rng.choice(np.flatnonzero(labels[row] != value)))
    labels[row, c] = value
    return row, str(c)


MEASURES = {
    "audit": audit, "stopping": stopping, "calibration": calibration, "suspects": wrong_decisions,
}  # fmt: skip


if __name__ == "__main__":
    main(__doc__ or "", MultilabelProject, MEASURES)
