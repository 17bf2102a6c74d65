"""Labeling projects whose labels are known, to measure what the report of a project is worth.

`labeling_report.py` and `multilabel_report.py` say how an image is labeled and what else they
measure; here is what they share: the project, the rounds, the command, and two of the measures.
"""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

import rayal
from rayal.contracts import UNLABELED
from rayal.kernels.calibration import expected_calibration_error
from rayal.label_arrays import has_label
from rayal.labeling.accuracy import AnyAccuracy, audit_accuracy
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.predicting import SURE, train
from rayal.labeling.stopping import KAPPA, ROUNDS, STOP_SET
from rayal.labeling.training import can_be_learned, probabilities

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
POOL, TEST, AUDIT, STEP = 1500, 3000, 30, 20
MOST_LABELS = 400
STRATEGIES = ("random", "uncertainty")


@dataclass
class SimulatedProject(ABC):
    """A pool whose labels are known and revealed round by round, and images outside of it.

    features (N, D), test (M, D). truth (N,) and test_truth (M,) are classes, or (N, C) and (M, C)
    decisions of 0 and 1. strategy: one of STRATEGIES.
    """

    features: Floats
    truth: Ints
    test: Floats
    test_truth: Ints
    num_classes: int
    strategy: str
    seed: int

    def __post_init__(self) -> None:
        self.audit = np.arange(len(self.truth)) < AUDIT
        self.labels = np.full(self.truth.shape, UNLABELED)
        self.rng = np.random.default_rng(self.seed)

    @property
    def training(self) -> Ints:
        return np.flatnonzero(has_label(self.labels))

    def label(self, count: int) -> None:
        """Label images up to this count, a round at a time."""
        while len(self.training) < count:
            chosen = np.flatnonzero(~self.audit)[self._choose()]
            self.labels[chosen] = self.truth[chosen]

    def _choose(self) -> Ints:
        labels, features = self.labels[~self.audit], self.features[~self.audit]
        if self.strategy == "random":
            return self.rng.permutation(np.flatnonzero(~has_label(labels)))[:STEP]
        if can_be_learned(labels):
            return self.query_by_margin(features, labels)
        one_class = np.where(has_label(labels), 0, UNLABELED)  # k-means reads which have a label
        seed = int(self.rng.integers(2**31))
        return np.asarray(
            rayal.query("kmeans", STEP, features=features, labels=one_class, seed=seed)
        )

    @abstractmethod
    def query_by_margin(self, features: Floats, labels: Ints) -> Ints:
        """Return positions (STEP,) of the images chosen next by the strategy `margin`."""

    def predict(self, features: Floats) -> Floats:
        """Return probabilities (n, C) of features by the classifier of the labels so far."""
        rows = self.training
        return probabilities(
            self.features[rows], [self.labels[rows]], self.num_classes, features
        )[0]  # fmt: skip

    @abstractmethod
    def decide(self, features: Floats) -> Ints:
        """Return what is predicted of features, in the form of `truth`."""

    @abstractmethod
    def kappa(self, before: Ints, now: Ints) -> float:
        """Return the agreement of two rounds' predictions of the same images."""

    @abstractmethod
    def as_single_class(self, probs: Float64, truth: Ints) -> tuple[Float64, Ints]:
        """Return probabilities (m, K), and the true classes (m,) that their errors are of."""

    def accuracy(self, features: Floats, truth: Ints) -> float:
        """Return the share of images of which everything predicted is right."""
        correct = self.decide(features) == truth
        return float(correct.reshape(len(truth), -1).all(axis=1).mean())

    def test_accuracy(self) -> float:
        """Return the accuracy on the images outside of the pool."""
        return self.accuracy(self.test, self.test_truth)

    def pool(self) -> LabeledPool:
        """Return what a project would know: the labels so far, and those of its audit images."""
        labels, size = self.labels.copy(), len(self.labels)
        labels[self.audit] = self.truth[self.audit]
        names = tuple(map(str, range(self.num_classes)))
        rounds = np.zeros(size, dtype=np.int64)
        usable = np.zeros(size, dtype=bool)
        return LabeledPool(
            self.features, labels, names, np.arange(size), self.audit, rounds, usable
        )  # fmt: skip


P = TypeVar("P", bound=SimulatedProject)
Measure = Callable[[Iterable[P]], str]


def main(description: str, kind: type[P], measures: Mapping[str, Measure[P]]) -> None:
    """Print a line of one measure for each file and strategy that the command line names."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("measure", choices=measures)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    for path in options.files:
        for strategy in STRATEGIES:
            line = measures[options.measure](_projects(kind, path, strategy, options.seeds))
            print(f"{path.stem:20} {strategy:12} {line}")


def _projects(kind: type[P], path: Path, strategy: str, seeds: int) -> Iterator[P]:
    """Yield a project of each seed, each a random part of a file."""
    with np.load(path) as data:
        features, truth = data["x"].astype(np.float32), data["y"].astype(np.int64)
    num_classes = int(truth.max()) + 1 if truth.ndim == 1 else truth.shape[1]
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(truth))
        pool, test = rows[:POOL], rows[POOL : POOL + TEST]
        yield kind(
            features[pool], truth[pool], features[test], truth[test], num_classes, strategy, seed
        )


def with_labels(projects: Iterable[P], count: int) -> Iterator[tuple[P, LabeledPool]]:
    """Label `count` images of each project; yield it with what it then knows."""
    for project in projects:
        project.label(count)
        yield project, project.pool()


def estimated_accuracy(pool: LabeledPool) -> AnyAccuracy:
    """Return the estimate from the audit images, which every simulated project has."""
    accuracy = audit_accuracy(pool)
    assert accuracy is not None
    return accuracy


def stopping(projects: Iterable[SimulatedProject]) -> str:
    """Labels at which each rule stops, up to 400, and points of accuracy lost against 400."""
    return "; ".join(map(_stops, projects))


def _stops(project: SimulatedProject) -> str:
    rows = project.rng.permutation(len(project.truth))[:STOP_SET]
    kappas: list[float] = []
    stops: dict[str, tuple[int, float]] = {}
    before = None
    for count in range(STEP, MOST_LABELS + 1, STEP):
        project.label(count)
        now = project.decide(project.features[rows])
        if before is not None:
            kappas.append(project.kappa(before, now))
            stable = len(kappas) >= ROUNDS and np.mean(kappas[-ROUNDS:]) >= KAPPA
            for rule, stop in (("stable", stable), ("unchanged", (before == now).all())):
                if stop and rule not in stops:
                    stops[rule] = (count, project.test_accuracy())
        before = now
    last = project.test_accuracy()
    lost = {rule: f"{n} (-{100 * (last - then):.1f})" for rule, (n, then) in stops.items()}
    return str(lost or f"none, {100 * last:.0f} % at {MOST_LABELS}")


def calibration(projects: Iterable[SimulatedProject]) -> str:
    """Expected calibration error on the images without a label, at 200 labels."""
    numbers = []
    for project, pool in with_labels(projects, 200):
        test, labels = project.features[pool.unlabeled], project.truth[pool.unlabeled]
        raw, truth = project.as_single_class(project.predict(test).astype(np.float64), labels)
        calibrated = train(pool, None, project.rng).probabilities(test)
        calibrated, _ = project.as_single_class(calibrated, labels)
        sure = calibrated.max(axis=1) >= SURE
        numbers.append(
            [
                expected_calibration_error(raw, truth),
                expected_calibration_error(calibrated, truth),
                np.mean(sure),
                np.mean((calibrated.argmax(axis=1) == truth)[sure]),
            ]
        )
    before, after, share, right = np.mean(numbers, axis=0)
    return f"error {before:.3f} -> {after:.3f}; {share:.0%} sure, of which {right:.0%} right"
