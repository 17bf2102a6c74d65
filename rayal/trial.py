"""The experiment's loop: strategy picks -> oracle reveals -> learner trains -> metrics -> record.

A trial is a function of its definition and of the data it runs on: it gives the same indices alone,
in a sweep, in another process or on another machine. It is written as a coroutine that asks for
each training, so that the trainings of many trials can be done at once (`rayal.run.batching`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from rayal import metrics, multilabel_metrics
from rayal.contract_checks import check_choice, checked_predictions
from rayal.contracts import UNLABELED, Indices, Labels, Pool, Predictions, Probs, Task, TrialData
from rayal.label_arrays import has_label, without_labels
from rayal.query_plane import query_plane
from rayal.registry import LEARNERS, STRATEGIES
from rayal.scorer import join_test_set
from rayal.scores import query_losses
from rayal.seeds import generator
from rayal.sweep.definition import Trial
from rayal.working_directory import working_directory_kept

FOLDS = 5  # of the labeled images, where thresholds are chosen by them

Row = dict[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True)
class TrainingRequest:
    """One training that a trial asks for; its generator starts afresh at each reading."""

    task: Task
    names: tuple[str | int, ...]

    @property
    def rng(self) -> np.random.Generator:
        return generator(*self.names)


TrainingResult: TypeAlias = tuple[Predictions, float]  # and the seconds that it took
TrialCoroutine: TypeAlias = Generator[TrainingRequest, TrainingResult, Result]


def rounds(
    trial: Trial,
    data: TrialData,
    *,
    rows: list[Row] | None = None,
    keep: Callable[[list[Row]], None] = lambda _: None,
) -> TrialCoroutine[list[Row]]:
    """Run the rounds of a trial that are not in `rows` yet; return one row per round.

    Yields a request for each training and is sent its result. keep: called with the rows so far
    after each round but the last.

    Raises:
        ValueError: a strategy's choice or a learner's predictions break their contract.
    """
    rows = list(rows or [])
    scores: Predictions | None = None
    labels = _labels_after(rows, data)
    predictions = yield from _predictions_after(rows, trial, data)
    first_predicted = cache(lambda: _first_predicted(trial, data, rows[0]))
    for number in range(len(rows), len(trial.schedule)):
        budget = trial.schedule[number] - int(has_label(labels).sum())
        started = time.perf_counter()
        if number == 0 and trial.scorer:
            chosen, recorded = _scored_query(trial, data, budget)
        else:
            if number and trial.strategy.scored_by:
                scores = _scores_after(rows, trial, data, scores)
            scoring = _scoring(trial, data, number)
            pool = _selected_on(trial, data, number).pool(
                labels,
                scores or predictions,
                first_predicted if number > 1 else None,
                partial(_predict_without, *scoring, labels.copy(), number - 1) if number else None,
                partial(_score_batches, trial, data, labels.copy(), number),
            )
            chosen, recorded = _query(trial, pool, number, budget)
        selecting = time.perf_counter() - started
        of_query = recorded()  # what it takes is no time of the strategy
        labels[chosen] = data.dataset.train.labels[chosen]  # the oracle: revealed here alone
        predictions, training = yield _request(trial, data, labels, number, predictions)
        predictions = checked_predictions(trial.learner.name, predictions, data)
        row = _measure(trial, data, labels, predictions, number)
        row |= {"round": number, "budget": budget, "labelled": trial.schedule[number]}
        row |= _pseudo_labels(data, predictions) | of_query
        row |= {"select_seconds": selecting, "train_seconds": training}
        rows.append({**row, "selected": chosen.tolist()})
        if number + 1 < len(trial.schedule):
            keep(rows)
    return rows


def train(trial: Trial, request: TrainingRequest) -> Predictions:
    """Do one training as the trial's learner does."""
    function = LEARNERS.find(trial.learner.name).function
    with working_directory_kept():
        predictions: Predictions = function(request.task, request.rng, **trial.learner.to_kwargs())
    return predictions


def _query(trial: Trial, pool: Pool, number: int, budget: int) -> tuple[Indices, Callable[[], Row]]:
    """Return what the strategy chooses, and what makes the record of that query besides."""
    spec = trial.initial if number == 0 else trial.strategy
    component = STRATEGIES.find(spec.name)
    if not component.traits.oracle(spec.params):
        pool = replace(pool, true_labels=None, score_batches=None)
    # Named without the strategy: trials of one seed draw alike, so comparisons are paired.
    rng = generator("query", trial.dataset_name, trial.seed, number)
    with working_directory_kept():
        chosen = component.function(pool, budget, rng, **spec.to_kwargs())
    chosen = check_choice(spec.name, chosen, pool.labels, budget)
    return chosen, partial(_of_query, trial, pool, chosen, number)


def _of_query(trial: Trial, pool: Pool, chosen: Indices, number: int) -> Row:
    """Return what the sweep asked to be recorded of a query that a learner was there for."""
    row: Row = {}
    if pool.predictions is not None and trial.record_losses:
        row |= query_losses(pool, chosen)
    if number and trial.record_embeddings:
        rng = generator("query plane", trial.dataset_name, trial.seed, number)
        row |= query_plane(pool, chosen, trial.record_embeddings, rng)
    return row


def _selected_on(trial: Trial, data: TrialData, number: int) -> TrialData:
    """Return the data with the embedding that the strategy of this query reads."""
    return data.on(trial.embedding_of_query(trial.initial if number == 0 else trial.strategy))


def _scoring(trial: Trial, data: TrialData, number: int) -> tuple[Trial, TrialData]:
    """Return the trial with the learner that scores a query as its own, and what that trains on.

    A learner of the strategy's own trains on the features that the strategy reads.
    """
    query = trial.initial if number == 0 else trial.strategy
    if query.scored_by is None:
        return trial, data
    return replace(trial, learner=query.scored_by), _selected_on(trial, data, number)


def _scores_after(
    rows: list[Row], trial: Trial, data: TrialData, previous: Predictions | None
) -> Predictions:
    """Train the learner that scores later queries on the labels so far.

    It is that of a trial which it is the learner of, round by round. previous: of the round before,
    None at first and after an interruption.
    """
    scoring, read = _scoring(trial, data, number=len(rows))
    again = previous is None and _uses_previous(scoring)
    for number in range(0 if again else len(rows) - 1, len(rows)):
        request = _request(scoring, read, _labels_after(rows[: number + 1], data), number, previous)
        previous = checked_predictions(scoring.learner.name, train(scoring, request), read)
    assert previous is not None
    return previous


def _scored_query(trial: Trial, data: TrialData, budget: int) -> tuple[Indices, Callable[[], Row]]:
    """Make a first query with a learner that was trained on the test set."""
    scoring, source = _scoring(trial, data, 0)
    joined, labels = join_test_set(source)
    request = _request(scoring, joined, labels, 0, None, stage="scorer")
    predictions = checked_predictions(scoring.learner.name, train(scoring, request), joined)
    read, _ = join_test_set(_selected_on(trial, data, 0))
    chosen, recorded = _query(trial, read.pool(labels, predictions), 0, budget)
    return chosen - len(data.embedding.test), recorded


def _request(
    trial: Trial,
    data: TrialData,
    labels: Labels,
    number: int,
    previous: Predictions | None,
    stage: str = "learn",
) -> TrainingRequest:
    """Ask for the training of a round, with all that the learner may see."""
    task = data.task(labels, number, previous if _uses_previous(trial) else None)
    return TrainingRequest(task, (stage, trial.dataset_name, trial.seed, number))


def _predictions_after(
    rows: list[Row], trial: Trial, data: TrialData
) -> TrialCoroutine[Predictions | None]:
    """Bring back the learner of the last finished round, after an interruption.

    One that uses its previous predictions is trained through all of its rounds.
    """
    predictions = None
    if 0 < len(rows) < len(trial.schedule):
        for number in range(0 if _uses_previous(trial) else len(rows) - 1, len(rows)):
            labels = _labels_after(rows[: number + 1], data)
            predictions, _ = yield _request(trial, data, labels, number, predictions)
            predictions = checked_predictions(trial.learner.name, predictions, data)
    return predictions


def _first_predicted(trial: Trial, data: TrialData, row: Row) -> Pool:
    """The pool as it was after the first round, its learner trained again."""
    labels = _labels_after([row], data)
    scoring, read = _scoring(trial, data, 1)
    predictions = train(scoring, _request(scoring, read, labels, 0, None))
    return _selected_on(trial, data, 1).pool(labels, predictions)


def _predict_without(
    trial: Trial, data: TrialData, labels: Labels, number: int, held_out: Indices
) -> Probs:
    """Probabilities (n, C) of labeled images by the round's learner, trained without them."""
    others = _without(labels, held_out)
    request = _request(trial, data, others, number, None, stage="held out")
    return checked_predictions(trial.learner.name, train(trial, request), data).pool[held_out]


def _without(labels: Labels, positions: Indices) -> Labels:
    """Return labels without those of some images."""
    others = labels.copy()
    others[positions] = UNLABELED
    return others


def _score_batches(
    trial: Trial, data: TrialData, labels: Labels, number: int, batches: Sequence[Indices]
) -> list[tuple[float, float]]:
    """Return mean per-class accuracy and macro AUC on the test set with each batch's labels."""
    requests = []
    for batch in batches:
        revealed = labels.copy()
        revealed[batch] = data.dataset.train.labels[batch]
        requests.append(_request(trial, data, revealed, number, None, stage="score batches"))
    truth, C = data.dataset.test.labels, data.dataset.num_classes
    return [
        (
            metrics.mean_class_accuracy(predicted.test.argmax(axis=1), truth, C),
            metrics.macro_auc(predicted.test, truth)[0],
        )
        for predicted in _train_all(trial, requests)
    ]


def _train_all(trial: Trial, requests: list[TrainingRequest]) -> list[Predictions]:
    """Do several trainings, at once where the learner can."""
    fit_batched = LEARNERS.find(trial.learner.name).traits.fit_batched
    if fit_batched is None:
        return [train(trial, request) for request in requests]
    tasks = [request.task for request in requests]
    rngs = [request.rng for request in requests]
    fitted: list[Predictions] = fit_batched(tasks, rngs, **trial.learner.to_kwargs())
    return fitted


def _uses_previous(trial: Trial) -> bool:
    return LEARNERS.find(trial.learner.name).traits.uses_previous_predictions(trial.learner.params)


def _measure(
    trial: Trial, data: TrialData, labels: Labels, predictions: Predictions, number: int
) -> Row:
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
    rest = [_without(labels, labeled[part]) for part in parts]
    requests = [
        TrainingRequest(replace(shown, labels=others), (*names, number))
        for number, others in enumerate(rest)
    ]
    for part, others, fitted in zip(parts, rest, _train_all(trial, requests), strict=True):
        probs[part] = fitted.test[part]
        probs[np.ix_(part, multilabel_metrics.one_sided_classes(others))] = np.nan
    return multilabel_metrics.best_thresholds(probs, labels[labeled])


def _pseudo_labels(data: TrialData, predictions: Predictions) -> Row:
    """Count the labels that training gave itself, and those that are true; nothing without a rule.

    The true ones are read for the record alone.
    """
    given = predictions.pseudo_labels
    if given is None:
        return {}
    right = (given != UNLABELED) & (given == data.dataset.train.labels)
    return {
        "pseudo_labels": int((given != UNLABELED).sum()),
        "pseudo_labels_right": int(right.sum()),
    }


def _labels_after(rows: list[Row], data: TrialData) -> Labels:
    truth = data.dataset.train.labels
    labels = without_labels(truth)
    for row in rows:
        labels[row["selected"]] = truth[row["selected"]]
    return labels
