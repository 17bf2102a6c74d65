"""One restartable actor per (dataset, encoder): it makes the embedding, and holds it for trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar, cast

from rayal.contracts import TrialData
from rayal.plugins import load_plugins
from rayal.run.encoding import load_dataset, load_trial_data, make_embedding
from rayal.run.failures import sendable_errors
from rayal.run.gpus import take_share
from rayal.run.process_exit import exits_are_errors
from rayal.run.queue import WORKER_RETRIES, RetryCounter
from rayal.storage.location import parse_location
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial
from rayal.sweep.schema import Resources

if TYPE_CHECKING:
    from ray import ObjectRef

P = ParamSpec("P")
Returned = TypeVar("Returned")


@dataclass(frozen=True)
class WorkerConfig:
    """Where a worker finds things, and what its work may use of a node."""

    root: str
    plugins: tuple[str, ...]
    resources: Resources

    def store(self) -> RunStore:
        return RunStore(parse_location(self.root))

    def load_plugins(self) -> None:
        load_plugins(Path(plugin) for plugin in self.plugins)


class RemoteMethod(Protocol[P, Returned]):
    """A method of an actor, as its handle gives it."""

    def remote(self, *args: P.args, **kwargs: P.kwargs) -> ObjectRef[Returned]: ...


class EncoderHandle(Protocol):
    """What other processes may ask of an encoder actor."""

    on_started: RemoteMethod[[], None]
    report: RemoteMethod[[dict[str, float]], None]
    latest_report: RemoteMethod[[], tuple[dict[str, float], bool]]
    set_ref: RemoteMethod[[list[ObjectRef[TrialData | None]]], None]
    get_ref: RemoteMethod[[], list[ObjectRef[TrialData | None]]]
    trial_data: RemoteMethod[[], TrialData | None]


class EncoderActor:
    """Holds what the trials of one (dataset, encoder) share: features, map, labels.

    It asks for no CPU, so that it can stay beside the driver while trials run; the training itself
    is a task with the resources of the `pretrain` stage. Its state is on disk: it is made again
    from the trial and the path it was given.
    """

    def __init__(self, name: str, trial: Trial, config: WorkerConfig) -> None:
        self._name, self._trial, self._config = name, trial, config
        self._report: dict[str, float] = {}
        self._is_displaced = False
        self._refs: list[ObjectRef[TrialData | None]] = []
        self._trial_data: TrialData | None = None
        self._is_prepared = False

    def on_started(self) -> None:
        """The training task has a place."""
        self._is_displaced = False

    def report(self, progress: dict[str, float]) -> None:
        """Take a progress report from the training task."""
        self._report = progress

    def latest_report(self) -> tuple[dict[str, float], bool]:
        """The last report, and whether a training that was lost waits for a place."""
        return self._report, self._is_displaced

    def set_ref(self, refs: list[ObjectRef[TrialData | None]]) -> None:
        """Take the reference that the driver holds on what `trial_data` returned.

        The actor's own copy goes: many actors lie on one node, and read theirs again where asked.
        """
        self._refs = refs
        if self._trial_data is not None:
            self._trial_data, self._is_prepared = None, False

    def get_ref(self) -> list[ObjectRef[TrialData | None]]:
        """Hand that reference to a worker; empty after a restart."""
        return self._refs

    def trial_data(self) -> TrialData | None:
        """Prepare on the first call; ask again, or after a restart, and get the same.

        None where it is larger than `resources.object_store`: then whoever needs it reads it from
        the store, and no node is kept by a copy of it.

        Raises:
            EncodingError: the encoder or the dataset failed, or the training was lost too often.
            StoreError: the store can take no more.
        """
        if not self._is_prepared:
            with sendable_errors():
                prepared = self._prepare()
            if not is_beyond(prepared, self._config.resources.object_store):
                self._trial_data = prepared
            self._is_prepared = True
        return self._trial_data

    def _prepare(self) -> TrialData:
        self._config.load_plugins()
        store, training = self._config.store(), None
        if not store.artifacts.is_complete(self._trial.embedding_id):
            training = self._train(again=store.artifacts.has_checkpoint(self._trial.embedding_id))
        data = load_dataset(self._trial)  # while the task trains
        if training is not None:
            self._wait(training)
        return load_trial_data(self._trial, data, store)

    def _train(self, *, again: bool) -> ObjectRef[None]:
        import ray

        self._is_displaced = again
        share = self._config.resources.pretrain
        task = ray.remote(_pretrain).options(
            name=f"pretrain {self._trial.encoder.name} on {self._trial.dataset_name}",
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            max_retries=0,
        )
        return task.remote(self._trial, self._config, self._name)

    def _wait(self, training: ObjectRef[None]) -> None:
        """Wait for the training; start it again, from what it has kept, where it was lost."""
        import ray

        errors, retries = ray.exceptions, RetryCounter()
        lost = (errors.NodeDiedError, errors.WorkerCrashedError, errors.OutOfMemoryError)
        while True:
            try:
                ray.get(training)
            except lost as error:
                if retries.add("training", with_node=isinstance(error, errors.NodeDiedError)):
                    raise
                training = self._train(again=True)
            else:
                return


def _pretrain(trial: Trial, config: WorkerConfig, actor: str) -> None:
    handle = encoder_handle(actor)
    handle.on_started.remote()

    def report(progress: Mapping[str, float]) -> None:
        handle.report.remote(dict(progress))

    share = config.resources.pretrain
    with sendable_errors(), exits_are_errors():
        take_share(share.gpus)
        config.load_plugins()
        make_embedding(trial, config.store(), report, share.threads)


def actor_name(trial: Trial) -> str:
    """Name the actor that holds what a trial needs."""
    return f"encoder-{trial.dataset_name}-{trial.encoder.name}-{trial.embedding_id}"


def start_encoder(trial: Trial, config: WorkerConfig) -> EncoderHandle:
    """Start the actor; it lives as long as the handle.

    It stays on the driver's node, which is there as long as the sweep: a node with an actor, or
    with what one returned, is never idle, and an autoscaler would keep it. Ray takes a soft
    affinity of actors without CPUs for a wish, and places them anywhere.

    One whose process dies again and again, as that of a dataset too large for memory does, is not
    started for ever: its trials fail, or read from the store where the embedding was made.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    name = actor_name(trial)
    node_id = ray.get_runtime_context().get_node_id()
    actor = ray.remote(EncoderActor).options(
        name=name,
        num_cpus=0,
        max_restarts=WORKER_RETRIES,
        max_task_retries=-1,
        max_concurrency=4,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
    )
    return cast(EncoderHandle, actor.remote(name, trial, config))


def encoder_handle(name: str) -> EncoderHandle:
    """Find an actor that `start_encoder` started."""
    import ray

    return cast(EncoderHandle, ray.get_actor(name))


def is_beyond(data: TrialData, gibibytes: float | None) -> bool:
    """Whether features, copies and images take more than so many GiB; None: no limit."""
    if gibibytes is None:
        return False
    embedding, dataset = data.embedding, data.dataset
    splits = (dataset.train, dataset.test, dataset.val)
    sizes = [split.images.nbytes for split in splits if split is not None]
    features = (embedding.train, embedding.test, embedding.views)
    sizes += [array.nbytes for array in features if array is not None]
    return sum(sizes) > gibibytes * 2**30


def shared_trial_data(trial: Trial, config: WorkerConfig) -> TrialData:
    """Read what an encoder actor holds once a process; its arrays stay in shared memory.

    What is beyond the object store is read from the run's directory, memory-mapped.
    """
    name = actor_name(trial)
    if name not in _SHARED:
        held = _held_by(name)
        if held is None:
            held = load_trial_data(trial, load_dataset(trial), config.store())
        _SHARED[name] = held
    return _SHARED[name]


_SHARED: dict[str, TrialData] = {}


def _held_by(name: str) -> TrialData | None:
    """Return what an actor holds; None where it does not, or has died for good."""
    import ray

    try:
        handle = encoder_handle(name)
        refs = ray.get(handle.get_ref.remote())
        return ray.get(refs[0] if refs else handle.trial_data.remote())
    except (ray.exceptions.RayActorError, ValueError):  # ValueError: its name is gone with it
        return None
