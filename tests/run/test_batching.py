import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rayal import trial as trials
from rayal.contracts import UNLABELED, Predictions, Task, TrialData
from rayal.registry import LEARNERS
from rayal.run import batching
from rayal.run.batching import run_interleaved
from rayal.sweep.definition import Trial
from rayal.trial import TrialCoroutine
from tests import small_trials
from tests.small_trials import run, trial, without_seconds


@pytest.fixture(scope="module")
def data() -> TrialData:
    return small_trials.data()


def test_trials_side_by_side_give_what_each_gives_alone(data: TrialData) -> None:
    wanted = [trial(a, b, (6, 12, 20), seed) for a, b in
              (("random", "entropy"), ("kmeans", "badge")) for seed in range(3)]  # fmt: skip
    coroutines = [trials.rounds(one, data) for one in wanted]
    results = run_interleaved(wanted[0].learner, coroutines)
    for one, rows in zip(wanted, results, strict=True):
        assert without_seconds(rows) == without_seconds(run(one, data))


def test_a_trial_goes_on_among_others_that_begin(data: TrialData) -> None:
    wanted = trial("random", "margin", (6, 12, 20))
    whole = run(wanted, data)
    coroutines = [trials.rounds(wanted, data, rows=whole[:n]) for n in range(4)]
    for rows in run_interleaved(wanted.learner, coroutines):
        assert without_seconds(rows) == without_seconds(whole)


def trained_at_once(monkeypatch: pytest.MonkeyPatch, spoilt: int = -1) -> list[int]:
    """Note how many tasks each call of `linear` has; one with a label on `spoilt` fails."""
    component, counts = LEARNERS.find("linear"), []

    def alone(task: Task, rng: np.random.Generator, **params: Any) -> Predictions:
        if spoilt >= 0 and task.labels[spoilt] != UNLABELED:
            raise ArithmeticError(f"image {spoilt} spoils everything")
        return component.function(task, rng, **params)

    def fit_batched(
        tasks: list[Task], rngs: list[np.random.Generator], **params: Any
    ) -> list[Predictions]:
        counts.append(len(tasks))
        return [alone(task, rng, **params) for task, rng in zip(tasks, rngs, strict=True)]

    watched = replace(
        component, function=alone, traits=replace(component.traits, fit_batched=fit_batched)
    )
    monkeypatch.setitem(LEARNERS._components, "linear", watched)
    return counts


def test_trainings_of_one_round_are_done_at_once(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [trial("random", "random", (5, 8), seed) for seed in range(4)]
    counts = trained_at_once(monkeypatch)
    run_interleaved(wanted[0].learner, [trials.rounds(one, data) for one in wanted])
    assert counts == [4, 4]


BROKEN: dict[str, Callable[[list[Predictions]], Any]] = {
    "returned a NoneType, not a list": lambda fitted: None,
    "returned 3 Predictions for 4 tasks": lambda fitted: fitted[:-1],
    "returned more Predictions for 4 tasks": lambda fitted: itertools.cycle(fitted),
    "returned a Predictions, not a list": lambda fitted: fitted[0],
}


@pytest.mark.parametrize("message", BROKEN)
def test_trainings_that_are_not_one_for_each_task_fail_their_trials_by_name(
    data: TrialData, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    component = LEARNERS.find("linear")

    def fit_batched(
        tasks: list[Task], rngs: list[np.random.Generator], **params: Any
    ) -> list[Predictions]:
        assert component.traits.fit_batched is not None
        broken: list[Predictions] = BROKEN[message](
            component.traits.fit_batched(tasks, rngs, **params)
        )
        return broken

    traits = replace(component.traits, fit_batched=fit_batched)
    monkeypatch.setitem(LEARNERS._components, "linear", replace(component, traits=traits))
    told = []

    def told_by(one: Trial) -> TrialCoroutine[None]:
        try:
            yield from trials.rounds(one, data)
        except ValueError as error:
            told.append(str(error))

    wanted = [trial("random", "random", (5,), seed) for seed in range(4)]
    run_interleaved(wanted[0].learner, [told_by(one) for one in wanted])
    assert len(told) == 4
    assert all(f"fit_batched of learner 'linear' {message}" in text for text in told)


def test_a_learner_that_keeps_its_model_in_the_module_is_asked_before_it_trains_another(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short trials of a learner without fit_batched go to a worker together."""
    component, last = LEARNERS.find("linear"), list[Predictions]()
    wanted = [trial("random", "margin", (5, 8, 11), seed) for seed in range(3)]

    def keeping(task: Task, rng: np.random.Generator, **params: Any) -> Predictions:
        last[:] = [component.function(task, rng, **params)]
        return Predictions(test=last[0].test, predict_pool=lambda: last[0].pool)

    traits = replace(component.traits, fit_batched=None)
    monkeypatch.setitem(
        LEARNERS._components, "linear", replace(component, function=keeping, traits=traits)
    )
    alone = [without_seconds(run(one, data)) for one in wanted]
    coroutines = [trials.rounds(one, data) for one in wanted]
    together = run_interleaved(wanted[0].learner, coroutines)
    assert [without_seconds(rows) for rows in together] == alone


def test_none_waits_long_for_the_selection_of_others(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "PATIENCE", 0.0)
    wanted = [trial("random", "random", (5,), seed) for seed in range(4)]
    counts = trained_at_once(monkeypatch)
    results = run_interleaved(wanted[0].learner, [trials.rounds(one, data) for one in wanted])
    assert counts == []
    assert [len(rows) for rows in results] == [1] * 4


def test_what_one_training_spoils_for_many_fails_its_trial_alone(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [trial("random", "random", (5,), seed) for seed in range(4)]
    chosen = [run(one, data)[0]["selected"] for one in wanted]
    [spoilt, *_] = set(chosen[2]).difference(*(c for n, c in enumerate(chosen) if n != 2))
    trained_at_once(monkeypatch, spoilt)

    def coroutine(one: Trial) -> trials.TrialCoroutine[str]:
        try:
            yield from trials.rounds(one, data)
        except ArithmeticError as error:
            return str(error)
        return "well"

    ended = run_interleaved(wanted[0].learner, [coroutine(one) for one in wanted])
    assert ended == ["well", "well", f"image {spoilt} spoils everything", "well"]
