"""The rest labeled: DIR/predictions.csv and DIR/classifier/, from the labels so far."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Features, Indices
from rayal.kernels.calibration import temperature_of_least_loss
from rayal.kernels.clustering import unit_rows
from rayal.labeling.card import card_of
from rayal.labeling.classifier import Classifier, EncoderJob, save_classifier
from rayal.labeling.errors import LabelingError
from rayal.labeling.labeled import LabeledPool, labeled_pool
from rayal.labeling.labels import LabelLog
from rayal.labeling.project import Project
from rayal.labeling.spreadsheet import write_csv
from rayal.labeling.training import fit, held_out
from rayal.seeds import generator

SURE = 0.8  # calibrated probability below which a prediction is flagged
FAR = 0.01  # share of the labeled images that lie further from all others than this
LEAST = 20  # held-out predictions below which probabilities are left as they are
ROWS = 4096  # of the pool worked on at once
COLUMNS = ("path", "class", "probability", "flag", "rayal_id")
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Predicted:
    """What was written. flagged: flag -> how many images have it."""

    classifier: Classifier
    images: int
    counts: Mapping[str, int]
    flagged: Mapping[str, int]


def predict(project: Project, log: LabelLog, *, with_audit: bool = False) -> Predicted:
    """Write the predictions of all images without a label, and the classifier.

    Args:
        project: with labels of two classes or more.
        log: its answers.
        with_audit: have the audit sample train too; the accuracy is still that without it.

    Raises:
        LabelingError: there are too few labels.
        OSError: the files cannot be written.
    """
    pool = labeled_pool(project, log)
    training = replace(pool, audit=np.zeros_like(pool.audit)) if with_audit else pool
    classifier = train(training, _encoder_job(project), generator("calibration", "folds"))
    classifier = replace(classifier, card=card_of(project, pool, classifier, with_audit))
    rows = list(_rows(project, training, classifier))
    write_csv(project.root / "predictions.csv", COLUMNS, rows)
    save_classifier(project.root / "classifier", classifier)
    return Predicted(
        classifier,
        len(rows),
        _counts([row["class"] for row in rows]),
        _counts([kind for row in rows for kind in row["kinds"]]),
    )


def train(pool: LabeledPool, encoder: EncoderJob | None, rng: np.random.Generator) -> Classifier:
    """Return the calibrated classifier of the labels that train.

    The temperature is that of the least loss on labels which the classifier did not see: each
    training image by one that was trained without its group, and the audit sample.

    Raises:
        LabelingError: fewer than two classes have a label.
    """
    named = np.unique(pool.training_labels)
    if len(named) < 2:
        raise LabelingError(
            f"a classifier needs labels of two classes, and there are {len(pool.training)} labels "
            f"of {len(named)}; label more images: rayal label DIR"
        )
    features, labels = pool.training_features, pool.training_labels
    made = fit(features, [labels], pool.num_classes, features[:1])
    last_layer = made[0].last_layer
    if last_layer is None:
        raise RuntimeError("the learner of projects gives its last layer")
    classifier = Classifier(pool.classes, last_layer(), encoder=encoder)
    groups = pool.groups[pool.training]
    parts = [held_out(features, labels, groups, pool.num_classes, rng)]
    parts.append(classifier.probabilities(np.asarray(pool.features[pool.audited])).astype("f4"))
    truth = np.concatenate([labels if parts[0] is not None else [], pool.labels[pool.audited]])
    probs = np.concatenate([part for part in parts if part is not None]).astype(np.float64)
    if len(truth) < LEAST:
        return classifier
    return replace(classifier, temperature=temperature_of_least_loss(probs, truth.astype(np.int64)))


def _rows(project: Project, pool: LabeledPool, classifier: Classifier) -> Iterator[dict[str, Any]]:
    labeled = unit_rows(np.asarray(pool.features[pool.training]))
    nearest_cosine = _threshold(labeled)
    for start in range(0, len(pool.unlabeled), ROWS):
        rows = pool.unlabeled[start : start + ROWS]
        features: Features = np.asarray(pool.features[rows])
        probs = classifier.probabilities(features)
        far = (unit_rows(features) @ labeled.T).max(axis=1) < nearest_cosine
        for row, own, is_far in zip(rows.tolist(), probs, far.tolist(), strict=True):
            kinds = _kinds(project, pool, row, float(own.max()), is_far=is_far)
            image = project.pool[row]
            yield {
                "path": image.path,
                "class": classifier.classes[int(own.argmax())],
                "probability": f"{own.max():.4f}",
                "flag": "; ".join(kinds.values()),
                "rayal_id": image.rayal_id,
                "kinds": list(kinds),
            }


def _kinds(
    project: Project, pool: LabeledPool, row: int, probability: float, *, is_far: bool
) -> dict[str, str]:
    """Return why a person should look at a prediction, kind -> words."""
    kinds = {}
    if probability < SURE:
        kinds["unsure"] = f"unsure: below {SURE:g}"
    if is_far:
        kinds["unlike"] = "unlike any labeled image"
    stands = int(project.pool.standing[row])
    if stands != row and pool.labels[stands] != UNLABELED:
        label = pool.classes[pool.labels[stands]]
        kinds["near-duplicate"] = f"near-duplicate of {project.pool[stands].path}, labeled {label}"
    return kinds


def _threshold(labeled: Features) -> float:
    """Return the cosine that few labeled images fall below to the nearest other one."""
    cosines = labeled @ labeled.T
    np.fill_diagonal(cosines, -1.0)
    return float(np.quantile(cosines.max(axis=1), FAR)) if len(labeled) > 1 else -1.0


def _encoder_job(project: Project) -> EncoderJob | None:
    """Return how the images of the project became features; None where these came in a file."""
    path = project.root / "features.json"
    job = json.loads(path.read_bytes()).get("job") if path.is_file() else None
    return EncoderJob(**job, seed=project.settings.seed) if job else None


def _counts(names: list[str]) -> dict[str, int]:
    found: Indices
    kinds, found = np.unique(np.asarray(names, dtype=np.str_), return_counts=True)
    return dict(zip(kinds.tolist(), found.tolist(), strict=True))
