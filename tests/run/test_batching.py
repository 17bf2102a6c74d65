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
