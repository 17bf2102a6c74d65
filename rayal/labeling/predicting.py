"""The rest labeled: DIR/predictions.csv and DIR/classifier/, from the labels so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import Features, Indices
from rayal.kernels.calibration import temperature_of_least_loss
from rayal.kernels.clustering import unit_rows
from rayal.label_arrays import count_by_class, has_label
from rayal.labeling.added_files import note_of_added
from rayal.labeling.card import card_of
from rayal.labeling.class_names import NONE, ClassSet
from rayal.labeling.classifier import Classifier, EncoderJob, save_classifier
from rayal.labeling.current_files import CHANGED, why_lost_alone
from rayal.labeling.errors import LabelingError
from rayal.labeling.labeled import LabeledPool, labeled_pool
from rayal.labeling.labels import LabelLog
from rayal.labeling.pool_features import read_description
from rayal.labeling.project import Project
from rayal.labeling.reading import in_parallel
from rayal.labeling.spreadsheet import write_csv
from rayal.labeling.training import can_be_learned, fit, held_out
from rayal.multilabel_metrics import one_sided_classes
from rayal.seeds import generator

SURE = 0.8  # calibrated probability below which a prediction is flagged
FAR = 0.01  # share of the labeled images that lie further from all others than this
LEAST = 20  # held-out predictions below which probabilities are left as they are
ROWS = 4096  # of the pool worked on at once
COLUMNS = ("path", "class", "probability", "flag", "rayal_id")
PROBABILITY_OF = (
    "probability of "  # begins the name of a column, where there may be several classes
)
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Predicted:
    """What was written; added: a line on files that the project does not have, if there are any.

    counts: class -> images; where an image may have several, NONE -> those of none too. flagged:
    flag -> how many images have it. constant: classes that the classifier says of every image, or
    of none, for the labels that train have no image without it, or none with it.
    """

    classifier: Classifier
    images: int
    counts: Mapping[str, int]
    flagged: Mapping[str, int]
    constant: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def predict(project: Project, log: LabelLog, *, with_audit: bool = False) -> Predicted:
    """Write the predictions of all images without a label, and the classifier.

    Args:
        project: with labels of two classes or more; where an image may have several, with images
            that have a class and others that do not.
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
    write_csv(project.root / "predictions.csv", columns_of(classifier), rows)
    save_classifier(project.root / "classifier", classifier)
    return Predicted(
        classifier,
        len(rows),
        _counts([name for row in rows for name in row["names"]]),
        _counts([kind for row in rows for kind in row["kinds"]]),
        _constant(training),
        tuple(note_of_added(project)),
    )


def columns_of(classifier: Classifier) -> tuple[str, ...]:
    """Return the columns of predictions.csv."""
    if not classifier.multilabel:
        return COLUMNS
    probabilities = (f"{PROBABILITY_OF}{name}" for name in classifier.classes)
    return ("path", "classes", *probabilities, "flag", "rayal_id")


def train(pool: LabeledPool, encoder: EncoderJob | None, rng: np.random.Generator) -> Classifier:
    """Return the calibrated classifier of the labels that train.

    The temperature is that of the least loss on labels which the classifier did not see: each
    training image by one that was trained without its group, and the audit sample.

    Raises:
        LabelingError: fewer than two classes have a label; where an image may have several, no
            class has an image with it and one without.
    """
    _check_learnable(pool)
    features, labels = pool.training_features, pool.training_labels
    predictions = fit(features, [labels], pool.num_classes, features[:1])
    last_layer = predictions[0].last_layer
    if last_layer is None:
        raise RuntimeError("the learner of projects gives its last layer")
    classifier = Classifier(pool.classes, last_layer(), encoder=encoder, multilabel=pool.multilabel)
    truth, probs = _of_unseen_labels(pool, classifier, rng)
    if len(truth) < LEAST:
        return classifier
    if pool.multilabel:  # each decision is one between two: with the class, and without it
        truth, probs = truth.ravel(), np.column_stack([1 - probs.ravel(), probs.ravel()])
    return replace(classifier, temperature=temperature_of_least_loss(probs, truth))


def _check_learnable(pool: LabeledPool) -> None:
    if pool.multilabel and not can_be_learned(pool.training_labels):
        raise LabelingError(
            f"a classifier needs images that have a class and others that do not, and "
            f"{len(pool.training)} labels have no such class; label more images: rayal label DIR"
        )
    named = np.unique(pool.training_labels)
    if len(named) < 2:
        raise LabelingError(
            f"a classifier needs labels of two classes, and there are {len(pool.training)} labels "
            f"of {len(named)}; label more images: rayal label DIR"
        )


def _of_unseen_labels(
    pool: LabeledPool, classifier: Classifier, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return labels (n,) or (n, C), and probabilities (n, C) by classifiers that did not see them.

    Those that train are left out where there are too few groups to hold one out.
    """
    labels, groups = pool.training_labels, pool.groups[pool.training]
    truth = [pool.labels[pool.audited]]
    probs = [classifier.probabilities(np.asarray(pool.features[pool.audited])).astype("f4")]
    held = held_out(pool.training_features, labels, groups, pool.num_classes, rng)
    if held is not None:
        truth, probs = [labels, *truth], [held, *probs]
    return np.concatenate(truth), np.concatenate(probs).astype(np.float64)


def _constant(pool: LabeledPool) -> tuple[str, ...]:
    """Return the classes of which the labels that train have one kind alone."""
    if not pool.multilabel:
        labeled = count_by_class(pool.training_labels, pool.num_classes)
        return tuple(name for name, n in zip(pool.classes, labeled, strict=True) if n == 0)
    return tuple(pool.classes[c] for c in one_sided_classes(pool.training_labels))


def _rows(project: Project, pool: LabeledPool, classifier: Classifier) -> Iterator[dict[str, Any]]:
    labeled = unit_rows(np.asarray(pool.features[pool.training]))
    nearest_cosine = _threshold(labeled)
    for start in range(0, len(pool.unlabeled), ROWS):
        rows = pool.unlabeled[start : start + ROWS]
        features: Features = np.asarray(pool.features[rows])
        probs = classifier.probabilities(features)
        far = (unit_rows(features) @ labeled.T).max(axis=1) < nearest_cosine
        why = in_parallel(rows.tolist(), lambda row: why_lost_alone(project, row))
        for row, own, is_far, lost in zip(rows.tolist(), probs, far.tolist(), why, strict=True):
            kinds = _kinds(project, pool, row, own, is_far=is_far) | _kind_of_lost(lost)
            image = project.pool[row]
            yield {
                "path": image.path,
                **_prediction(classifier, own),
                "flag": "; ".join(kinds.values()),
                "rayal_id": image.rayal_id,
                "kinds": list(kinds),
            }


def _prediction(classifier: Classifier, probs: Float64) -> dict[str, Any]:
    """Return the cells of what is predicted of an image of probabilities (C,), and its names."""
    [predicted] = classifier.predicted(probs[None])
    if isinstance(predicted, str):
        return {"class": predicted, "probability": f"{probs.max():.4f}", "names": [predicted]}
    own = {
        f"{PROBABILITY_OF}{name}": f"{p:.4f}"
        for name, p in zip(classifier.classes, probs, strict=True)
    }
    return {"classes": str(ClassSet(predicted)), **own, "names": predicted or [NONE]}


def _kinds(
    project: Project, pool: LabeledPool, row: int, probs: Float64, *, is_far: bool
) -> dict[str, str]:
    """Return why a person should look at a prediction of probabilities (C,), kind -> words."""
    kinds = {}
    if pool.multilabel:
        unsure = np.flatnonzero(np.maximum(probs, 1 - probs) < SURE)
        if len(unsure):
            kinds["unsure"] = f"unsure of {', '.join(pool.classes[c] for c in unsure)}"
    elif probs.max() < SURE:
        kinds["unsure"] = f"unsure: below {SURE:g}"
    if is_far:
        kinds["unlike"] = "unlike any labeled image"
    stands = int(project.pool.standing[row])
    if stands != row and has_label(pool.labels[[stands]])[0]:
        label = pool.label_of(stands)
        kinds["near-duplicate"] = f"near-duplicate of {project.pool[stands].path}, labeled {label}"
    return kinds


def _kind_of_lost(why: str) -> dict[str, str]:
    """Return the kind of a prediction whose file is no longer as it was read, and the words."""
    if not why:
        return {}
    if why == CHANGED:
        return {"changed": f"the file {CHANGED}, and this is of the earlier one"}
    return {"gone": f"the file {why}"}


def _threshold(labeled: Features) -> float:
    """Return the cosine that few labeled images fall below to the nearest other one."""
    cosines = labeled @ labeled.T
    np.fill_diagonal(cosines, -1.0)
    return float(np.quantile(cosines.max(axis=1), FAR)) if len(labeled) > 1 else -1.0


def _encoder_job(project: Project) -> EncoderJob | None:
    """Return how the images of the project became features; None where these came in a file."""
    how = read_description(project.root)
    seed = project.settings.seed
    return EncoderJob(**how.job, seed=seed, contents=how.contents) if how.job else None


def _counts(names: list[str]) -> dict[str, int]:
    found: Indices
    kinds, found = np.unique(np.asarray(names, dtype=np.str_), return_counts=True)
    return dict(zip(kinds.tolist(), found.tolist(), strict=True))
