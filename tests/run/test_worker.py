from pathlib import Path
from typing import cast

from rayal.contracts import TrialData
from rayal.events.outcome import Outcome
from rayal.run.worker import run_trials
from rayal.storage.run import FOLDERS, RunStore
from rayal.sweep.file import Share, load_sweep
from rayal.sweep.plan import make_plan
from tests import sweeps
from tests.storage.records import record


def test_a_trial_that_a_worker_given_up_for_lost_has_ended_keeps_its_first_record(
    tmp_path: Path,
) -> None:
    strategies = ["random", "poisoned"]
    sweep = sweeps.write_sweep(
        tmp_path, plugins=["plugin.py"], strategies=strategies, budgets=[10], seeds=1
    )
    trials = make_plan(load_sweep(sweep)).trials
    store = RunStore(tmp_path / "run")
    for folder in FOLDERS:
        (tmp_path / "run" / folder).mkdir(parents=True)
    for trial in trials:
        store.save_record(trial.id, record(trial.id, {"selected": [1]}))
    outcomes = run_trials(trials, cast(TrialData, None), store, Share())  # nothing is computed
    assert outcomes == [Outcome(trial.id) for trial in trials]
    for trial in trials:
        store.save_record(trial.id, record(trial.id, {"selected": [2]}))
        assert store.record(trial.id) == record(trial.id, {"selected": [1]})
    assert store.failures() == []
