"""What the report of a labeling project is worth, where labels are known.

    python -m benchmarks.labeling_report MEASURE FEATURES.npz ...

    audit        how often the audit interval holds
    stopping     what each stopping rule costs
    gain         how often the range of a gain holds
    calibration  probabilities before and after
    suspects     how many wrong labels are found

Each file has features `x` (N, D) and classes `y` (N,). A project is a random part of them; it
labels 20 images a round, the first by k-means and then by margin, or all at random. A line is
printed for each file and way to choose. The figures in docs/labeling.md are those of 6,000 images
each of blood cells, scans, MNIST and CIFAR-10-LT on features of EfficientNet-Lite0 at 112 pixels,
as the encoder `pretrained` makes them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

import rayal
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
from rayal.kernels.agreement import cohen_kappa
from rayal.labeling.learning_curve import expected_gain
from rayal.labeling.suspects import suspects


class SingleLabelProject(SimulatedProject):
    """A project in which each image has one class."""

    def query_by_margin(self, features: Floats, labels: Ints) -> Ints:
        seed = int(self.rng.integers(2**31))
        probs = self.predict(features)
        chosen = rayal.query(
            "margin", STEP, features=features, probs=probs, labels=labels, seed=seed
        )
        return np.asarray(chosen)

    def decide(self, features: Floats) -> Ints:
        return np.asarray(self.predict(features).argmax(axis=1))

    def kappa(self, before: Ints, now: Ints) -> float:
        return cohen_kappa(before, now, self.num_classes)

    def as_single_class(self, probs: Float64, truth: Ints) -> tuple[Float64, Ints]:
        return probs, truth


def audit(projects: Iterable[SingleLabelProject]) -> str:
    """How often the interval holds the accuracy on the images without a label, at 60 labels."""
    held, widths = [], []
    for project, pool in with_labels(projects, 60):
        low, high = estimated_accuracy(pool).overall.interval
        rest = pool.unlabeled
        held.append(low <= project.accuracy(project.features[rest], project.truth[rest]) <= high)
        widths.append(high - low)
    return f"held in {sum(held)} of {len(held)}, mean width {np.mean(widths):.2f}"


def gain(projects: Iterable[SingleLabelProject]) -> str:
    """How often the range of the gain of 40 and of 100 labels holds it."""
    held = []
    for project in projects:
        expected, reached = {}, {}
        for count in (60, 100, 140, 160, 200, 240, 300, 340, 400):
            project.label(count)
            reached[count] = 100 * project.test_accuracy()
            for more in (40, 100) if count in (60, 100, 200, 300) else ():
                expected[count, more] = expected_gain(project.pool(), more, project.rng)
        for (count, more), promised in expected.items():
            assert promised is not None
            held.append(promised.low <= reached[count + more] - reached[count] <= promised.high)
    return f"held in {sum(held)} of {len(held)}"


def wrong_labels(projects: Iterable[SingleLabelProject]) -> str:
    """Of 200 labels, 10 of them wrong: how many of these are suspected, and how many others."""
    numbers = []
    for project, pool in with_labels(projects, 200):
        wrong = project.rng.permutation(pool.training)[:10]
        pool.labels[wrong] = (pool.labels[wrong] + 1) % project.num_classes
        suspected = {suspect.row for suspect in suspects(pool, project.rng)}
        hits = len(suspected & set(wrong.tolist()))
        numbers.append([hits / 10, hits / max(1, len(suspected))])
    recall, precision = np.mean(numbers, axis=0)
    return f"found {recall:.0%} of the wrong labels; {precision:.0%} of the suspected are wrong"


MEASURES = {
    "audit": audit, "stopping": stopping, "gain": gain, "calibration": calibration,
    "suspects": wrong_labels,
}  # fmt: skip


if __name__ == "__main__":
    main(__doc__ or "", SingleLabelProject, MEASURES)
