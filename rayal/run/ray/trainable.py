"""What a Tune worker does: one Tune trial is a batch of ours."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from rayal.contracts import TrialData
from rayal.events.outcome import Outcome
from rayal.run.gpus import release_memory
from rayal.run.process_exit import exits_are_errors
from rayal.run.ray.encoder_actor import WorkerConfig, shared_trial_data
from rayal.run.worker import keep_failure, run_trials
from rayal.sweep.definition import Trial

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.tune import Trainable


def make_trainable(sweep: str) -> type[Trainable]:
    """A trial's own error is a result in it, not a crash.

    A class, because it reports once where a function reports twice, and Tune's cost is by report.
    """
    from ray import tune

    class TrialRunner(tune.Trainable):
        def setup(  # type: ignore[override] # with_parameters adds the last two
            self,
            config: dict[str, list[str]],
            trials: list[ObjectRef[dict[str, Trial]]],
            worker: WorkerConfig,
        ) -> None:
            self._batch, self._trials, self._worker = config["batch"], trials, worker

        def __repr__(self) -> str:
            return f"trials of {sweep}"  # what Ray's dashboard calls this worker

        def step(self) -> dict[str, object]:
            trials = _all_trials(self._trials[0])
            batch = [trials[name] for name in self._batch]
            started = time.perf_counter()
            with exits_are_errors():
                outcomes = _run(batch, self._worker)
            release_memory()
            seconds = time.perf_counter() - started
            return {"outcomes": outcomes, "seconds": seconds, "done": True}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Nothing is saved: rounds and records lie in the store."""

        def reset_config(self, new_config: dict[str, list[str]]) -> bool:
            self._batch = new_config["batch"]
            return True

    return TrialRunner


def _run(batch: Sequence[Trial], worker: WorkerConfig) -> list[Outcome]:
    """Run trials here; what a plugin raises when it is imported on this node is their failure."""
    store = worker.store()
    try:
        worker.load_plugins()
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
        return [keep_failure(trial, store, error) for trial in batch]
    share = worker.resources.of_learner(batch[0].learner.name)
    return run_trials(batch, _shared_by_all(batch, worker), store, share)


def _shared_by_all(batch: Sequence[Trial], worker: WorkerConfig) -> TrialData:
    """Join what the actors hold that the trials of a batch need; their own embedding is one."""
    others = {key: asking for trial in batch for key, asking in trial.encodings.items()}
    own = others.pop(batch[0].embedding_id)
    lent = {key: shared_trial_data(other, worker).embedding for key, other in others.items()}
    return replace(shared_trial_data(own, worker), others=lent)


@cache
def _all_trials(reference: ObjectRef[dict[str, Trial]]) -> dict[str, Trial]:
    """Read the sweep's trials once a process."""
    import ray

    return ray.get(reference)
