"""The encoding jobs of a sweep, watched from the driver."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rayal.contracts import TrialData
from rayal.events.listener import Listener
from rayal.run.failures import EncodingError, fail_all, root_cause
from rayal.run.queue import WORKER_RETRIES, died_too_often
from rayal.run.ray.encoder_actor import EncoderHandle, WorkerConfig, start_encoder
from rayal.run.ray.warm_up import warm_up_workers
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from rayal.sweep.definition import EncodingStage, Trial, encoding_stages
from rayal.sweep.plan import Plan

if TYPE_CHECKING:
    from ray import ObjectRef

POLL_SECONDS = 0.25  # between looks at the jobs
REPORT_TIMEOUT = 10.0  # seconds for an actor to say how far it is


@dataclass(frozen=True)
class EncodingJob:
    """An embedding that is being made, and the trials that need it."""

    actor: EncoderHandle
    trial_data: ObjectRef[TrialData | None]
    stage: EncodingStage
    started: float = field(default_factory=time.monotonic)


class EncodingJobs:
    """Watches the jobs in a thread."""

    def __init__(self, store: RunStore, events: Listener) -> None:
        self._store, self._events = store, events
        self._pending: dict[str, EncodingJob] = {}
        self._actors: list[EncoderHandle] = []  # an actor lives as long as a handle on it
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._some_ended = threading.Event()
        self.ready: set[str] = set()
        self.failed: set[str] = set()
        self.displaced: set[str] = set()
        self._failed_trials: set[str] = set()
        self.fatal = ""  # why the store can take no more

    def add(self, stage: EncodingStage, config: WorkerConfig) -> None:
        actor = start_encoder(stage.trial, config)
        self._events.encoding_started(stage.trial)
        job = EncodingJob(actor, actor.trial_data.remote(), stage)
        self._pending[stage.trial.embedding_id] = job
        self._actors.append(actor)

    def start(self) -> None:
        self._thread.start()

    def wait_for_one(self) -> None:
        """Wait until the first job has ended, well or not."""
        while not self._some_ended.wait(POLL_SECONDS):
            pass

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        import ray

        while self._pending and not self._stop.wait(POLL_SECONDS):
            for key in list(self._pending):
                try:
                    self._look(key)
                except ray.exceptions.GetTimeoutError:
                    continue  # the actor is being started again, or busy: look later
                except ray.exceptions.RayActorError as error:
                    reason = died_too_often("encoder", WORKER_RETRIES + 1)
                    self._give_up(key, EncodingError(reason, str(error)))
                except Exception as error:  # noqa: BLE001 - a job's failure is its trials'
                    self._give_up(key, root_cause(error))

    def _look(self, key: str) -> None:
        import ray

        job = self._pending[key]
        ready, _ = ray.wait([job.trial_data], timeout=0, fetch_local=False)
        if not ready:
            self._report(key, job)
            return
        ray.get(job.trial_data)
        ray.get(job.actor.set_ref.remote([job.trial_data]))
        self._events.encoding_finished(job.stage.trial, time.monotonic() - job.started)
        self.ready.add(key)
        self._end(key)

    def _report(self, key: str, job: EncodingJob) -> None:
        import ray

        progress, displaced = ray.get(job.actor.latest_report.remote(), timeout=REPORT_TIMEOUT)
        (self.displaced.add if displaced else self.displaced.discard)(key)
        if progress:
            self._events.encoding_progress(job.stage.trial, progress)

    def _give_up(self, key: str, error: BaseException) -> None:
        self.failed.add(key)
        try:
            if isinstance(error, StoreError):
                raise error
            fail_all(self._not_failed_yet(key), self._store, self._events, error)
        except (OSError, StoreError) as full:
            self.fatal = str(full)
        self._end(key)

    def _not_failed_yet(self, key: str) -> list[Trial]:
        """Return the trials that fail with a job, but for those that failed with another."""
        trials = [t for t in self._pending[key].stage.trials if t.id not in self._failed_trials]
        self._failed_trials |= {trial.id for trial in trials}
        return trials

    def _end(self, key: str) -> None:
        del self._pending[key]
        self.displaced.discard(key)
        self._some_ended.set()


@contextlib.contextmanager
def encoding_jobs(
    plan: Plan, todo: Sequence[Trial], store: RunStore, events: Listener
) -> Iterator[EncodingJobs]:
    """Start a job for each embedding that trials need; stop watching them at the end."""
    jobs, config = EncodingJobs(store, events), worker_config(plan, store)
    stages = encoding_stages(todo)
    missing = [s.trial for key, s in stages.items() if not store.artifacts.is_complete(key)]
    warm_up_workers(missing, config)
    for stage in stages.values():
        jobs.add(stage, config)
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.stop()


def worker_config(plan: Plan, store: RunStore) -> WorkerConfig:
    """What a worker must know of the run."""
    plugins = tuple(str(path) for path in plan.sweep.plugins)
    return WorkerConfig(str(store.root.resolve()), plugins, plan.sweep.resources)
