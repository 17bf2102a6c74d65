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

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import rayal
from rayal.contracts import UNLABELED
from rayal.kernels.agreement import cohen_kappa
from rayal.kernels.calibration import expected_calibration_error
from rayal.labeling.accuracy import audit_accuracy
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.learning_curve import expected_gain
from rayal.labeling.predicting import SURE, train
from rayal.labeling.stopping import KAPPA, ROUNDS, STOP_SET
from rayal.labeling.suspects import suspects
from rayal.labeling.training import probabilities

Ints = npt.NDArray[np.int64]
POOL, TEST, AUDIT, STEP = 1500, 3000, 30, 20
WAYS = ("random", "uncertainty")


@dataclass
class Simulation:
    """A pool whose labels are known and given round by round; test: images outside of it."""

    features: npt.NDArray[np.float32]
    truth: Ints
    test: npt.NDArray[np.float32]
    test_truth: Ints
    classes: int
    way: str
    seed: int

    def __post_init__(self) -> None:
        self.audit = np.arange(len(self.truth)) < AUDIT
        self.labels = np.full(len(self.truth), UNLABELED)
        self.rng = np.random.default_rng(self.seed)

    @property
    def training(self) -> Ints:
        return np.flatnonzero(self.labels != UNLABELED)

    def label(self, count: int) -> None:
        """Label images up to this count, a round at a time."""
        while len(self.training) < count:
            chosen = np.flatnonzero(~self.audit)[self._choose()]
            self.labels[chosen] = self.truth[chosen]

    def _choose(self) -> Ints:
        labels, features = self.labels[~self.audit], self.features[~self.audit]
        if self.way == "random":
            return self.rng.permutation(np.flatnonzero(labels == UNLABELED))[:STEP]
        seed = int(self.rng.integers(2**31))
        if not len(self.training):
            return rayal.query("kmeans", STEP, features=features, labels=labels, seed=seed)
        probs = self.predict(features)
        chosen = rayal.query(
            "margin", STEP, features=features, probs=probs, labels=labels, seed=seed
        )
        return np.asarray(chosen)

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return probabilities (n, C) of features by the classifier of the labels so far."""
        rows = self.training
        return probabilities(self.features[rows], [self.labels[rows]], self.classes, features)[0]

    def accuracy(self) -> float:
        return float(np.mean(self.predict(self.test).argmax(axis=1) == self.test_truth))

    def pool(self) -> LabeledPool:
        """Return what a project would know."""
        labels = np.where(self.audit, self.truth, self.labels)
        size = len(labels)
        nothing = np.zeros(size, dtype=np.int64)
        names = tuple(map(str, range(self.classes)))
        return LabeledPool(
            self.features, labels, names, np.arange(size), self.audit, nothing, nothing == 1
        )


def main() -> None:
    """Print a line for each file and way."""
    measures: dict[str, Callable[[Path, str, int], str]] = {
        "audit": audit, "stopping": stopping, "gain": gain, "calibration": calibration,
        "suspects": suspected,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measure", choices=measures)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    for path in given.files:
        for way in WAYS:
            print(f"{path.stem:14} {way:12} {measures[given.measure](path, way, given.seeds)}")


def simulations(path: Path, way: str, seeds: int) -> Iterator[Simulation]:
    """Yield projects of one file."""
    with np.load(path) as data:
        features, truth = data["x"].astype(np.float32), data["y"].astype(np.int64)
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(truth))
        inside, outside = rows[:POOL], rows[POOL : POOL + TEST]
        yield Simulation(
            features[inside], truth[inside], features[outside], truth[outside],
            int(truth.max()) + 1, way, seed,
        )  # fmt: skip


def audit(path: Path, way: str, seeds: int) -> str:
    """How often the interval holds the accuracy on the images without a label, at 60 labels."""
    held, widths = [], []
    for one in simulations(path, way, seeds):
        one.label(60)
        pool = one.pool()
        accuracy = audit_accuracy(pool)
        assert accuracy is not None
        low, high = accuracy.overall.interval
        right = one.predict(one.features[pool.unlabeled]).argmax(axis=1)
        held.append(low <= np.mean(right == one.truth[pool.unlabeled]) <= high)
        widths.append(high - low)
    return f"held in {sum(held)} of {len(held)}, mean width {np.mean(widths):.2f}"


def stopping(path: Path, way: str, seeds: int) -> str:
    """Labels at which each rule stops, up to 400, and points of accuracy lost against 400."""
    parts = []
    for one in simulations(path, way, seeds):
        rows = one.rng.permutation(len(one.truth))[:STOP_SET]
        kappas: list[float] = []
        stops: dict[str, tuple[int, float]] = {}
        before = None
        for count in range(STEP, 401, STEP):
            one.label(count)
            now = one.predict(one.features[rows]).argmax(axis=1)
            if before is not None:
                kappas.append(cohen_kappa(before, now, one.classes))
                if len(kappas) >= ROUNDS and np.mean(kappas[-ROUNDS:]) >= KAPPA:
                    stops.setdefault("stable", (count, one.accuracy()))
                if (before == now).all():
                    stops.setdefault("unchanged", (count, one.accuracy()))
            before = now
        last = one.accuracy()
        lost = {rule: f"{n} (-{100 * (last - acc):.1f})" for rule, (n, acc) in stops.items()}
        parts.append(str(lost or "none"))
    return "; ".join(parts)


def gain(path: Path, way: str, seeds: int) -> str:
    """How often the range of the gain of 40 and of 100 labels holds it."""
    held = []
    for one in simulations(path, way, seeds):
        expected, reached = {}, {}
        for count in (60, 100, 140, 160, 200, 240, 300, 340, 400):
            one.label(count)
            reached[count] = 100 * one.accuracy()
            for more in (40, 100) if count in (60, 100, 200, 300) else ():
                expected[count, more] = expected_gain(one.pool(), more, one.rng)
        for (count, more), promised in expected.items():
            assert promised is not None
            held.append(promised.low <= reached[count + more] - reached[count] <= promised.high)
    return f"held in {sum(held)} of {len(held)}"


def calibration(path: Path, way: str, seeds: int) -> str:
    """Expected calibration error on the images without a label, at 200 labels."""
    numbers = []
    for one in simulations(path, way, seeds):
        one.label(200)
        pool = one.pool()
        test, truth = one.features[pool.unlabeled], one.truth[pool.unlabeled]
        made = train(pool, None, one.rng).probabilities(test)
        sure = made.max(axis=1) >= SURE
        numbers.append(
            [
                expected_calibration_error(one.predict(test).astype(np.float64), truth),
                expected_calibration_error(made, truth),
                np.mean(sure),
                np.mean((made.argmax(axis=1) == truth)[sure]),
            ]
        )
    before, after, share, right = np.mean(numbers, axis=0)
    return f"error {before:.3f} -> {after:.3f}; {share:.0%} sure, of which {right:.0%} right"


def suspected(path: Path, way: str, seeds: int) -> str:
    """Of 200 labels, 10 of them wrong: how many of these are suspected, and how many others."""
    numbers = []
    for one in simulations(path, way, seeds):
        one.label(200)
        pool = one.pool()
        wrong = one.rng.permutation(pool.training)[:10]
        pool.labels[wrong] = (pool.labels[wrong] + 1) % one.classes
        suspected_rows = {suspect.row for suspect in suspects(pool, one.rng)}
        hits = len(suspected_rows & set(wrong.tolist()))
        numbers.append([hits / 10, hits / max(1, len(suspected_rows))])
    recall, precision = np.mean(numbers, axis=0)
    return f"found {recall:.0%} of the wrong labels; {precision:.0%} of the suspected are wrong"


if __name__ == "__main__":
    main()
