from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from rayal.contracts import TrialData
from rayal.events.outcome import Outcome
from rayal.run import worker
from rayal.run.worker import run_trials
from rayal.storage.run import FOLDERS, RunStore
from rayal.sweep.definition import Trial
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from rayal.sweep.schema import Share
from tests import sweeps
from tests.storage.records import record


def planned(tmp_path: Path, strategies: list[str]) -> tuple[list[Trial], RunStore]:
    sweep = sweeps.write_sweep(
        tmp_path, plugins=["plugin.py"], strategies=strategies, budgets=[10], seeds=1
    )
    for folder in FOLDERS:
        (tmp_path / "run" / folder).mkdir(parents=True)
    return list(make_plan(load_sweep(sweep)).trials), RunStore(tmp_path / "run")


def test_a_trial_that_a_worker_given_up_for_lost_has_ended_keeps_its_first_record(
    tmp_path: Path,
) -> None:
    trials, store = planned(tmp_path, ["random", "poisoned"])
    for trial in trials:
        store.save_record(trial.id, record(trial.id, {"selected": [1]}))
    outcomes = run_trials(trials, cast(TrialData, None), store, Share())  # nothing is computed
    assert outcomes == [Outcome(trial.id) for trial in trials]
    for trial in trials:
        store.save_record(trial.id, record(trial.id, {"selected": [2]}))
        assert store.record(trial.id) == record(trial.id, {"selected": [1]})
    assert store.failures() == []


@pytest.mark.parametrize("raised_by_a_component", [False, True])
def test_a_trial_given_up_while_it_waits_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised_by_a_component: bool
) -> None:
    def component() -> None:
        raise GeneratorExit

    def rounds(*_: Any, **__: Any) -> Iterator[str]:
        yield "a training is asked for"
        component()

    monkeypatch.setattr(worker.trials, "rounds", rounds)
    (trial, *_), store = planned(tmp_path, ["random"])
    running = worker._run(trial, cast(TrialData, None), store, None)
    next(running)
    if raised_by_a_component:
        with pytest.raises(StopIteration):
            next(running)
    running.close()
    assert sorted(store.failed()) == [trial.id] * raised_by_a_component


@pytest.mark.slow
def test_what_strategies_warned_of_is_said_once_and_in_the_records(tmp_path: Path) -> None:
    names = ["random", {"name": "probcover", "delta": 1e-6}]
    sweep = sweeps.write_sweep(tmp_path, strategies=names, budgets=[10, 12], seeds=1)
    out = tmp_path / "run"
    ended = sweeps.run(sweep, out)
    assert ended.stdout.count("warning: probcover: no image is closer") == 1
    warned = [record["rounds"][0].get("warnings") for record in sweeps.records(out).values()]
    assert sorted(len(texts or []) for texts in warned) == [0, 0, 1, 1]
