"""An encoder that fails takes the trials with it that select on it, and each of them once."""

from collections import Counter
from pathlib import Path

import pytest

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.run import local
from rayal.run.ray.encoder_actor import EncoderHandle
from rayal.run.ray.stages import EncodingJob, EncodingJobs
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, encoding_stages
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps


class Heard(Listener):
    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        self.times: Counter[str] = Counter()
        self.started: list[str] = []

    def encoding_started(self, trial: Trial) -> None:
        self.started.append(trial.encoder.name)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self.errors[trial.id] = outcome.error
        self.times[trial.id] += 1


@pytest.fixture
def crossed(tmp_path: Path) -> Plan:
    """Three queries: on the trial's encoder, on one that fails, and from that one on another."""
    on_broken = {"name": "kmeans", "select_on": "broken"}
    changes = {"strategies": ["random", on_broken], "seeds": 1, "budgets": [10]}
    sweep = sweeps.write_sweep(
        tmp_path, plugins=["plugin.py"], encoders=["pixels", {"name": "broken", "seed": 1}],
        **changes,
    )  # fmt: skip
    return make_plan(load_sweep(sweep))


def test_trials_that_need_no_broken_encoder_run(crossed: Plan, store: RunStore) -> None:
    heard = Heard()
    local.run(crossed, crossed.trials, store, heard)
    whole = {trial.id for trial in crossed.trials if list(trial.encodings) == [
        crossed.trials[0].embedding_id]}  # fmt: skip
    assert {key for key, error in heard.errors.items() if not error} == whole
    assert set(heard.times.values()) == {1}
    assert len(heard.times) == len(crossed.trials) == 4
    assert sorted(heard.started) == ["broken", "broken", "pixels"]  # each of the three once
    failed = {key: error for key, error in heard.errors.items() if error}
    assert len(failed) == 3
    assert all("broken" in error for error in failed.values())


def test_a_trial_fails_once_though_two_of_its_encoders_do(crossed: Plan, store: RunStore) -> None:
    heard = Heard()
    jobs = EncodingJobs(store, heard)
    for key, stage in encoding_stages(crossed.trials).items():
        jobs._pending[key] = EncodingJob(_NO_ACTOR, None, stage)  # type: ignore[arg-type]
    for key in list(jobs._pending):
        jobs._give_up(key, ValueError("no features"))
    assert heard.times == {trial.id: 1 for trial in crossed.trials}
    assert jobs.failed == set(encoding_stages(crossed.trials))


_NO_ACTOR: EncoderHandle = None  # type: ignore[assignment] # nothing is asked of it
