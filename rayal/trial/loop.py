"""The experiment's loop: strategy picks -> oracle reveals -> learner trains -> metrics -> record.

A trial is a function of its definition and of the data it runs on: it gives the same indices alone,
in a sweep, in another process or on another machine. It is written as a coroutine that asks for
each training, so that the trainings of many trials can be done at once (`rayal.run.batching`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

from rayal import metrics
from rayal.contract_checks import check_choice, checked_predictions
from rayal.contracts import Indices, Labels, Pool, Predictions, Probs, TrialData
from rayal.feature_ties import watched
from rayal.label_arrays import has_label, mask_labels, without_labels
from rayal.process_state import process_state_kept
from rayal.registry import ENCODERS, STRATEGIES
from rayal.scorer import join_test_set
from rayal.seeds import generator
from rayal.sweep.definition import Spec, Trial
from rayal.trial.row import Row, count_pseudo_labels, measure, of_query
from rayal.trial.strategy_warnings import warnings_kept
from rayal.trial.training import (
    TrialCoroutine,
    request_training,
    train,
    train_all,
    uses_previous,
)


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
        started = time.perf_counter()
        if number and trial.strategy.scored_by:
            scores = _scores_after(rows, trial, data, scores)
        chosen, recorded = _select(
            trial, data, number, labels, scores or predictions, first_predicted
        )
        selecting = time.perf_counter() - started
        with process_state_kept("recorded", trial.dataset_name, trial.seed, number):
            besides = recorded()  # what it takes is no time of the strategy
        labels[chosen] = data.dataset.train.labels[chosen]  # the oracle: revealed here alone
        predictions, training = yield request_training(trial, data, labels, number, predictions)
        predictions = checked_predictions(trial.learner.name, predictions, data)
        with process_state_kept("measured", trial.dataset_name, trial.seed, number):
            row = measure(trial, data, labels, predictions, number)
        row |= {"round": number, "budget": len(chosen), "labelled": trial.schedule[number]}
        row |= count_pseudo_labels(data, predictions) | besides
        row |= {"select_seconds": selecting, "train_seconds": training}
        rows.append({**row, "selected": chosen.tolist()})
        if number + 1 < len(trial.schedule):
            keep(rows)
    return rows


def _select(
    trial: Trial,
    data: TrialData,
    number: int,
    labels: Labels,
    predictions: Predictions | None,
    first_predicted: Callable[[], Pool],
) -> tuple[Indices, Callable[[], Row]]:
    """Ask the strategy for the images of a round; see `_query`.

    predictions: of the learner that scores this query, None before there are labels.
    """
    budget = trial.schedule[number] - int(has_label(labels).sum())
    if number == 0 and trial.scorer:
        return _scored_query(trial, data, budget)
    known = labels.copy()
    scoring = _scoring(trial, data, number)
    pool = _selected_on(trial, data, number).pool(
        labels,
        predictions,
        first_predicted if number > 1 else None,
        partial(_predict_without, *scoring, known, number - 1) if number else None,
        partial(_score_batches, trial, data, known, number),
    )
    return _query(trial, pool, number, budget)


def _query(trial: Trial, pool: Pool, number: int, budget: int) -> tuple[Indices, Callable[[], Row]]:
    """Return what the strategy chooses, and what makes the record of that query besides."""
    spec = trial.initial if number == 0 else trial.strategy
    component = STRATEGIES.find(spec.name)
    if not component.traits.oracle(spec.params):
        pool = replace(pool, true_labels=None, score_batches=None)
    pool = _described_by_encoder(pool, trial.encoder_of_query(spec))
    # Named without the strategy: trials of one seed draw alike, so comparisons are paired.
    names = "query", trial.dataset_name, trial.seed, number
    reads: list[bool] = []
    shown = watched(pool, lambda: reads.append(True))
    with process_state_kept(*names), warnings_kept() as warned:
        chosen = component.function(shown, budget, generator(*names), **spec.to_kwargs())
    chosen = check_choice(spec.name, chosen, pool.labels, budget)
    by_features = bool(reads)
    return chosen, partial(of_query, trial, pool, chosen, number, warned, by_features=by_features)


def _described_by_encoder(pool: Pool, encoder: Spec) -> Pool:
    """Return the pool with what the encoder that its features are of declares about them."""
    return replace(pool, bare_pixels=ENCODERS.find(encoder.name).traits.bare_pixels)


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
    again = previous is None and uses_previous(scoring)
    for number in range(0 if again else len(rows) - 1, len(rows)):
        request = request_training(
            scoring, read, _labels_after(rows[: number + 1], data), number, previous
        )
        previous = checked_predictions(scoring.learner.name, train(scoring.learner, request), read)
    assert previous is not None
    return previous


def _scored_query(trial: Trial, data: TrialData, budget: int) -> tuple[Indices, Callable[[], Row]]:
    """Make a first query with a learner that was trained on the test set."""
    scoring, source = _scoring(trial, data, 0)
    joined, labels = join_test_set(source)
    request = request_training(scoring, joined, labels, 0, None, stage="scorer")
    predictions = checked_predictions(scoring.learner.name, train(scoring.learner, request), joined)
    read, _ = join_test_set(_selected_on(trial, data, 0))
    chosen, recorded = _query(trial, read.pool(labels, predictions), 0, budget)
    return chosen - len(data.embedding.test), recorded


def _predictions_after(
    rows: list[Row], trial: Trial, data: TrialData
) -> TrialCoroutine[Predictions | None]:
    """Bring back the learner of the last finished round, after an interruption.

    One that uses its previous predictions is trained through all of its rounds.
    """
    predictions = None
    if 0 < len(rows) < len(trial.schedule):
        for number in range(0 if uses_previous(trial) else len(rows) - 1, len(rows)):
            labels = _labels_after(rows[: number + 1], data)
            predictions, _ = yield request_training(trial, data, labels, number, predictions)
            predictions = checked_predictions(trial.learner.name, predictions, data)
    return predictions


def _first_predicted(trial: Trial, data: TrialData, row: Row) -> Pool:
    """The pool as it was after the first round, its learner trained again."""
    labels = _labels_after([row], data)
    scoring, read = _scoring(trial, data, 1)
    fitted = train(scoring.learner, request_training(scoring, read, labels, 0, None))
    predictions = checked_predictions(scoring.learner.name, fitted, read)
    first = _selected_on(trial, data, 1).pool(labels, predictions)
    first = replace(first, true_labels=None, score_batches=None)
    return _described_by_encoder(first, trial.encoder_of_query(trial.strategy))


def _predict_without(
    trial: Trial, data: TrialData, labels: Labels, number: int, held_out: Indices
) -> Probs:
    """Probabilities (n, C) of labeled images by the round's learner, trained without them."""
    others = mask_labels(labels, held_out)
    request = request_training(trial, data, others, number, None, stage="held out")
    return checked_predictions(trial.learner.name, train(trial.learner, request), data).pool[
        held_out
    ]


def _score_batches(
    trial: Trial, data: TrialData, labels: Labels, number: int, batches: Sequence[Indices]
) -> list[tuple[float, float]]:
    """Return mean per-class accuracy and macro AUC on the test set with each batch's labels."""
    requests = []
    for batch in batches:
        revealed = labels.copy()
        revealed[batch] = data.dataset.train.labels[batch]
        requests.append(
            request_training(trial, data, revealed, number, None, stage="score batches")
        )
    truth, C = data.dataset.test.labels, data.dataset.num_classes
    return [
        (
            metrics.mean_class_accuracy(predicted.test.argmax(axis=1), truth, C),
            metrics.macro_auc(predicted.test, truth)[0],
        )
        for fitted in train_all(trial.learner, requests)
        for predicted in [checked_predictions(trial.learner.name, fitted, data)]
    ]


def _labels_after(rows: list[Row], data: TrialData) -> Labels:
    truth = data.dataset.train.labels
    labels = without_labels(truth)
    for row in rows:
        labels[row["selected"]] = truth[row["selected"]]
    return labels
