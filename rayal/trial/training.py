"""One training as a trial asks for it, and how it is done."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

import numpy as np

from rayal.contracts import Labels, Predictions, Task, TrialData
from rayal.process_state import process_state_kept
from rayal.registry import LEARNERS
from rayal.seeds import generator
from rayal.sweep.definition import Spec, Trial

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


def request_training(
    trial: Trial,
    data: TrialData,
    labels: Labels,
    number: int,
    previous: Predictions | None,
    stage: str = "learn",
) -> TrainingRequest:
    """Ask for the training of a round on labels (N,) or (N, C), with all that it may see."""
    task = data.task(labels, number, previous if uses_previous(trial) else None)
    return TrainingRequest(task, (stage, trial.dataset_name, trial.seed, number))


class BatchedFitError(ValueError):
    """A learner's `fit_batched` gave no predictions for each task."""


def train(learner: Spec, request: TrainingRequest) -> Predictions:
    """Do one training."""
    function = LEARNERS.find(learner.name).function
    with process_state_kept(*request.names):
        predictions: Predictions = function(request.task, request.rng, **learner.to_kwargs())
    return predictions


def train_all(learner: Spec, requests: Sequence[TrainingRequest]) -> list[Predictions]:
    """Do several trainings: at once where the learner can, else one by one.

    Raises:
        BatchedFitError: as `train_together`.
    """
    if not can_train_together(learner):
        return [train(learner, request) for request in requests]
    return train_together(learner, requests)


def can_train_together(learner: Spec) -> bool:
    """Whether a learner has a way for several trainings at once."""
    return LEARNERS.find(learner.name).traits.fit_batched is not None


def train_together(learner: Spec, requests: Sequence[TrainingRequest]) -> list[Predictions]:
    """Do several trainings by a learner's `fit_batched`.

    Raises:
        BatchedFitError: it gave another number of predictions than it was given tasks.
    """
    fit_batched = LEARNERS.find(learner.name).traits.fit_batched
    assert fit_batched is not None
    tasks, rngs = [each.task for each in requests], [each.rng for each in requests]
    with process_state_kept(*requests[0].names):
        fitted = fit_batched(tasks, rngs, **learner.to_kwargs())
        if not isinstance(fitted, Iterable):
            raise BatchedFitError(
                f"fit_batched of learner '{learner.name}' returned a {type(fitted).__name__}, not "
                "a list of Predictions"
            )
        answers = list(islice(fitted, len(tasks) + 1))
    if len(answers) != len(tasks):
        many = "more" if len(answers) > len(tasks) else len(answers)
        raise BatchedFitError(
            f"fit_batched of learner '{learner.name}' returned {many} Predictions for {len(tasks)} "
            "tasks; one for each, in their order, is needed"
        )
    return answers


def uses_previous(trial: Trial) -> bool:
    """Whether the learner is given its predictions of the round before."""
    return LEARNERS.find(trial.learner.name).traits.uses_previous_predictions(trial.learner.params)
