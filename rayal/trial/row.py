"""What a round's row has besides what was chosen: measures, and what the sweep asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal import metrics, multilabel_metrics
from rayal.contract_checks import checked_predictions
from rayal.contracts import UNLABELED, Indices, Labels, Pool, Predictions, TrialData
from rayal.label_arrays import has_label, mask_labels
from rayal.scores import query_losses
from rayal.seeds import generator
from rayal.sweep.definition import Trial
from rayal.trial.query_plane import query_plane
from rayal.trial.strategy_warnings import of_equal_features, of_unread_encoder
from rayal.trial.training import TrainingRequest, train_all

FOLDS = 5  # of the labeled images, where thresholds are chosen by them

Row: TypeAlias = dict[str, Any]


def of_query(
    trial: Trial,
    pool: Pool,
    chosen: Indices,
    number: int,
    warned: Sequence[str],
    *,
    by_features: bool,
) -> Row:
    """Return what is recorded of a query of chosen images (B,) besides them.

    That is what is to be warned of, and what the sweep asked for.

    Args:
        trial: its definition.
        pool: that was chosen from.
        chosen: positions.
        number: of the round.
        warned: what the strategy warned of.
        by_features: whether it read the features.
    """
    spec = trial.initial if number == 0 else trial.strategy
    ties = of_equal_features(spec, pool.features, len(chosen)) if by_features else []
    texts = [*warned, *ties, *of_unread_encoder(spec, by_features=by_features)]
    row: Row = {"warnings": texts} if texts else {}
    if pool.predictions is not None and trial.record_losses:
        row |= query_losses(pool, chosen)
    if number and trial.record_embeddings:
        rng = generator("query plane", trial.dataset_name, trial.seed, number)
        row |= query_plane(pool, chosen, trial.record_embeddings, rng)
    return row


def measure(
    trial: Trial, data: TrialData, labels: Labels, predictions: Predictions, number: int
) -> Row:
    """Measure the learner of a round, and the labels (N,) or (N, C) so far."""
    measured: dict[str, Any] = {
        "test_probs": predictions.test,
        "test_labels": data.dataset.test.labels,
        "pool_probs": predictions.pool,
        "pool_truth": data.dataset.train.labels,
        "labels": labels,
        "num_classes": data.dataset.num_classes,
    }
    if not data.dataset.multilabel:
        return metrics.evaluate(**measured)
    thresholds = _thresholds_by_folds(trial, data, labels, number)
    return multilabel_metrics.evaluate(**measured, thresholds=thresholds)


def _thresholds_by_folds(
    trial: Trial, data: TrialData, labels: Labels, number: int
) -> npt.NDArray[np.float64]:
    """Return (C,), the threshold of each class by the labeled images alone.

    Each image is predicted by the round's learner trained on the other folds; where these have no
    positive or no negative of a class, its prediction does not count. One half where there is one
    labeled image.
    """
    labeled = np.flatnonzero(has_label(labels))
    if len(labeled) == 1:
        return np.full(labels.shape[1], multilabel_metrics.HALF)
    names = "threshold folds", trial.dataset_name, trial.seed, number
    fold = multilabel_metrics.deal_folds(
        labels[labeled], min(FOLDS, len(labeled)), generator(*names)
    )
    task = data.task(labels, number)
    images = None if task.images is None else task.images[labeled]
    shown = replace(task, test=np.asarray(task.train[labeled]), test_images=images)
    probs = np.full(labels[labeled].shape, np.nan)
    parts = [np.flatnonzero(fold == number) for number in range(fold.max() + 1)]
    rest = [mask_labels(labels, labeled[part]) for part in parts]
    requests = [
        TrainingRequest(replace(shown, labels=others), (*names, number))
        for number, others in enumerate(rest)
    ]
    fitted = train_all(trial.learner, requests)
    tested = replace(data, embedding=replace(data.embedding, test=shown.test))
    for part, others, predicted in zip(parts, rest, fitted, strict=True):
        checked = checked_predictions(trial.learner.name, predicted, tested)
        probs[part] = checked.test[part]
        probs[np.ix_(part, multilabel_metrics.one_sided_classes(others))] = np.nan
    return multilabel_metrics.best_thresholds(probs, labels[labeled])


def count_pseudo_labels(data: TrialData, predictions: Predictions) -> Row:
    """Count the labels that training gave itself, and those that are true; nothing without a rule.

    The true ones are read for the record alone.
    """
    pseudo_labels = predictions.pseudo_labels
    if pseudo_labels is None:
        return {}
    right = (pseudo_labels != UNLABELED) & (pseudo_labels == data.dataset.train.labels)
    return {
        "pseudo_labels": int((pseudo_labels != UNLABELED).sum()),
        "pseudo_labels_right": int(right.sum()),
    }
