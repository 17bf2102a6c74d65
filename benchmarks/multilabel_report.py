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

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import rayal
from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.kernels.agreement import cohen_kappa
from rayal.kernels.calibration import expected_calibration_error
from rayal.label_arrays import has_label
from rayal.labeling.accuracy import audit_accuracy
from rayal.labeling.labeled import LabeledPool
from rayal.labeling.predicting import SURE, train
from rayal.labeling.stopping import KAPPA, ROUNDS, STOP_SET
from rayal.labeling.suspects import suspects
from rayal.labeling.training import can_be_learned, probabilities
from rayal.multilabel_metrics import HALF
from rayal.registry import STRATEGIES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
POOL, AUDIT, STEP = 1500, 30, 20
WAYS = ("random", "uncertainty")


@dataclass
class Simulation:
    """A pool whose labels are known and given round by round; test: images outside of it."""

    features: Floats
    truth: Ints
    test: Floats
    test_truth: Ints
    way: str
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
        if self.way == "random":
            return self.rng.permutation(np.flatnonzero(~has_label(labels)))[:STEP]
        if not can_be_learned(labels):
            first = np.where(has_label(labels), 0, UNLABELED)
            seed = int(self.rng.integers(2**31))
            return np.asarray(
                rayal.query("kmeans", STEP, features=features, labels=first, seed=seed)
            )
        probs = self.predict(features)
        pool = Pool(
            features, labels, labels.shape[1], predictions=Predictions(probs, lambda: probs)
        )
        margin = STRATEGIES.find("margin")
        return np.asarray(margin.function(pool, STEP, self.rng, **margin.bind({})))

    def predict(self, features: Floats) -> Floats:
        """Return probabilities (n, C) of features by the classifier of the labels so far."""
        rows, C = self.training, self.truth.shape[1]
        return probabilities(self.features[rows], [self.labels[rows]], C, features)[0]

    def right(self, features: Floats, truth: Ints) -> float:
        """Return the share of images with all classes right."""
        return float(((self.predict(features) >= HALF) == (truth == 1)).all(axis=1).mean())

    def pool(self) -> LabeledPool:
        """Return what a project would know."""
        labels = np.where(self.audit[:, None], self.truth, self.labels)
        nothing = np.zeros(len(labels), dtype=np.int64)
        names = tuple(map(str, range(labels.shape[1])))
        groups = np.arange(len(labels))
        return LabeledPool(self.features, labels, names, groups, self.audit, nothing, nothing == 1)


def main() -> None:
    """Print a line for each file and way."""
    measures: dict[str, Callable[[Path, str, int], str]] = {
        "audit": audit, "stopping": stopping, "calibration": calibration, "suspects": suspected,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measure", choices=measures)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    for path in given.files:
        for way in WAYS:
            print(f"{path.stem:20} {way:12} {measures[given.measure](path, way, given.seeds)}")


def simulations(path: Path, way: str, seeds: int) -> Iterator[Simulation]:
    """Yield projects of one file."""
    with np.load(path) as data:
        features, truth = data["x"].astype(np.float32), data["y"].astype(np.int64)
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(truth))
        inside, outside = rows[:POOL], rows[POOL:]
        yield Simulation(
            features[inside], truth[inside], features[outside], truth[outside], way, seed
        )


def audit(path: Path, way: str, seeds: int) -> str:
    """How often intervals hold their shares on the images without a label, at 60 labels."""
    held, of_classes = [], []
    for one in simulations(path, way, seeds):
        one.label(60)
        pool = one.pool()
        found = audit_accuracy(pool)
        assert found is not None
        rest, truth = one.features[pool.unlabeled], one.truth[pool.unlabeled] == 1
        low, high = found.overall.interval
        held.append(low <= one.right(rest, truth.astype(np.int64)) <= high)
        said = one.predict(rest) >= HALF
        for c, share in enumerate(found.recall.values()):
            if share.n and truth[:, c].any():
                low, high = share.interval
                of_classes.append(low <= said[truth[:, c], c].mean() <= high)
    return (
        f"all right: held in {sum(held)} of {len(held)}; recall of a class: in {sum(of_classes)} "
        f"of {len(of_classes)}"
    )


def stopping(path: Path, way: str, seeds: int) -> str:
    """Labels at which each rule stops, up to 400, and points of "all right" lost against 400."""
    parts = []
    for one in simulations(path, way, seeds):
        rows = one.rng.permutation(len(one.truth))[:STOP_SET]
        kappas: list[float] = []
        stops: dict[str, tuple[int, float]] = {}
        before = None
        for count in range(STEP, 401, STEP):
            one.label(count)
            now = (one.predict(one.features[rows]) >= HALF).astype(np.int64)
            if before is not None:
                pairs = zip(before.T, now.T, strict=True)
                kappas.append(min(cohen_kappa(a, b, 2) for a, b in pairs))
                if len(kappas) >= ROUNDS and np.mean(kappas[-ROUNDS:]) >= KAPPA:
                    stops.setdefault("stable", (count, one.right(one.test, one.test_truth)))
                if (before == now).all():
                    stops.setdefault("unchanged", (count, one.right(one.test, one.test_truth)))
            before = now
        last = one.right(one.test, one.test_truth)
        lost = {rule: f"{n} (-{100 * (last - own):.1f})" for rule, (n, own) in stops.items()}
        parts.append(str(lost or f"none, {100 * last:.0f} % at 400"))
    return "; ".join(parts)


def calibration(path: Path, way: str, seeds: int) -> str:
    """Expected calibration error of decisions on the images without a label, at 200 labels."""
    numbers = []
    for one in simulations(path, way, seeds):
        one.label(200)
        pool = one.pool()
        test, truth = one.features[pool.unlabeled], one.truth[pool.unlabeled].ravel()
        made = train(pool, None, one.rng).probabilities(test).ravel()
        plain = one.predict(test).astype(np.float64).ravel()
        sure = np.maximum(made, 1 - made) >= SURE
        numbers.append(
            [
                expected_calibration_error(np.column_stack([1 - plain, plain]), truth),
                expected_calibration_error(np.column_stack([1 - made, made]), truth),
                np.mean(sure),
                np.mean(((made >= HALF) == (truth == 1))[sure]),
            ]
        )
    before, after, share, right = np.mean(numbers, axis=0)
    return f"error {before:.3f} -> {after:.3f}; {share:.0%} sure, of which {right:.0%} right"


def suspected(path: Path, way: str, seeds: int) -> str:
    """Of 200 labels 10 with one wrong decision, half of them a class that is left out."""
    numbers = []
    for one in simulations(path, way, seeds):
        one.label(200)
        pool = one.pool()
        wrong = {
            _spoiled(pool.labels, row, n % 2, one.rng) for n, row in enumerate(_ten(one, pool))
        }
        found = {(suspect.row, suspect.label.split()[1]) for suspect in suspects(pool, one.rng)}
        hits = len(found & wrong)
        numbers.append([hits / len(wrong), hits / max(1, len(found)), len(found)])
    recall, precision, count = np.mean(numbers, axis=0)
    return (
        f"found {recall:.0%} of the wrong decisions; {precision:.0%} of the {count:.0f} suspected "
        "are wrong"
    )


def _ten(one: Simulation, pool: LabeledPool) -> list[int]:
    """Return ten labeled images that have a class, drawn at random."""
    with_class = pool.training[(pool.training_labels == 1).any(axis=1)]
    return [int(row) for row in one.rng.permutation(with_class)[:10]]


def _spoiled(labels: Ints, row: int, value: int, rng: np.random.Generator) -> tuple[int, str]:
    """Turn a decision of an image that is not `value` into it; return row and class."""
    c = int(rng.choice(np.flatnonzero(labels[row] != value)))
    labels[row, c] = value
    return row, str(c)


if __name__ == "__main__":
    main()
