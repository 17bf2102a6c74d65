"""Many trials at once: they run interleaved, and the trainings that they ask for are batched.

A learner with `fit_batched` trains many small heads together much faster than one by one. Trials
are coroutines that ask for trainings (`rayal.trial.rounds`), so nothing of a trial's result depends
on which others it runs beside.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from rayal.run.failures import PASSING
from rayal.run.signals import raise_if_asked
from rayal.sweep.definition import Spec
from rayal.trial import (
    BatchedFitError,
    Result,
    TrainingRequest,
    TrainingResult,
    TrialCoroutine,
    can_train_together,
    train,
    train_together,
)

PATIENCE = 1.0  # seconds of selection after which no further requests are gathered


def run_interleaved(learner: Spec, trials: Iterable[TrialCoroutine[Result]]) -> list[Result]:
    """Run trials with the same learner side by side, their trainings batched; return all results.

    No trial waits long for the others' selection: after PATIENCE those that have asked are trained.
    Where the learner has no way for several at once, a trial goes on until its end before the next
    begins: predictions may stand on what the next training changes.
    An error of a training is raised in the trial that asked for it; one of a trial, here.
    """
    together = can_train_together(learner)
    coroutines = list(trials)
    results: dict[int, Result] = {}
    waiting: deque[tuple[int, TrainingResult | BaseException | None]] = deque(
        (number, None) for number in range(len(coroutines))
    )
    while waiting:
        requests: dict[int, TrainingRequest] = {}
        until = time.monotonic() + PATIENCE
        raise_if_asked()
        while waiting and not (requests and (not together or time.monotonic() > until)):
            number, answer = waiting.popleft()
            try:
                requests[number] = _resume(coroutines[number], answer)
            except StopIteration as end:
                results[number] = end.value
            raise_if_asked()
        answers = train_batch(learner, list(requests.values()))
        waiting.extendleft(reversed(list(zip(requests, answers, strict=True))))
    return [results[number] for number in range(len(coroutines))]


def train_batch(
    learner: Spec, requests: list[TrainingRequest]
) -> list[TrainingResult | BaseException]:
    """Train for each request: all at once where the learner can, one by one where that fails."""
    if len(requests) < 2 or not can_train_together(learner):
        return [_train_one(learner, request) for request in requests]
    started = time.perf_counter()
    try:
        answers = train_together(learner, requests)
    except PASSING:
        raise
    except BatchedFitError as error:
        return [BatchedFitError(*error.args) for _ in requests]
    except BaseException:  # noqa: BLE001 - one by one, the request to blame is found
        return [_train_one(learner, request) for request in requests]
    seconds = (time.perf_counter() - started) / len(requests)
    return [(predictions, seconds) for predictions in answers]


def _train_one(learner: Spec, request: TrainingRequest) -> TrainingResult | BaseException:
    started = time.perf_counter()
    try:
        predictions = train(learner, request)
    except PASSING:
        raise
    except BaseException as error:  # noqa: BLE001 - raised in the trial that asked
        return error
    return predictions, time.perf_counter() - started


def _resume(
    trial: TrialCoroutine[Result], answer: TrainingResult | BaseException | None
) -> TrainingRequest:
    if isinstance(answer, BaseException):
        return trial.throw(answer)
    return next(trial) if answer is None else trial.send(answer)
