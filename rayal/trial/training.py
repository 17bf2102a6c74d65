"""One training as a trial asks for it, and how it is done."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from rayal.contracts import Labels, Predictions, Task, TrialData
from rayal.registry import LEARNERS
from rayal.seeds import generator
from rayal.sweep.definition import Trial
from rayal.working_directory import working_directory_kept

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


def train(trial: Trial, request: TrainingRequest) -> Predictions:
    """Do one training as the trial's learner does."""
    function = LEARNERS.find(trial.learner.name).function
    with working_directory_kept():
        predictions: Predictions = function(request.task, request.rng, **trial.learner.to_kwargs())
    return predictions


def train_all(trial: Trial, requests: list[TrainingRequest]) -> list[Predictions]:
    """Do several trainings, at once where the learner can."""
    fit_batched = LEARNERS.find(trial.learner.name).traits.fit_batched
    if fit_batched is None:
        return [train(trial, request) for request in requests]
    tasks = [request.task for request in requests]
    rngs = [request.rng for request in requests]
    fitted: list[Predictions] = fit_batched(tasks, rngs, **trial.learner.to_kwargs())
    return fitted


def uses_previous(trial: Trial) -> bool:
    """Whether the learner is given its predictions of the round before."""
    return LEARNERS.find(trial.learner.name).traits.uses_previous_predictions(trial.learner.params)
