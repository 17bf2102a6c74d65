"""Ray: encoder actors, Tune, resources, security. The only file that imports ray.

One named, restartable actor per (dataset, encoder) prepares features and map and holds them; its
answer goes to the object store once and every trial on a node reads it there without a copy. Tune
schedules the trials: one becomes available when the stage it stands on is ready. What crosses to
a worker is a trial and a path.

Ray is imported inside functions: `--help` and `--dry-run` must not wait for it, and it reads its
environment when it is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from rayal.events.bar import Instrument, Metric, Progress, Stage
from rayal.registry import load_plugins
from rayal.run.local import fail_all
from rayal.run.queue import AllEndedError, Ends, Losses, Queue
from rayal.run.signals import interruptible
from rayal.run.worker import attempt, load_dataset, load_world, prepare
from rayal.storage.files import StoreError
from rayal.storage.location import parse_location
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, group_by_embedding
from rayal.sweep.file import Resources, Share
from rayal.sweep.plan import Plan
from rayal.trial import World

PENDING = 4  # trials that wait for a worker at the least, so that none waits for a trial
NODE_LOST = (  # how Ray says it; Tune hands on no more than the text
    "its node has died",
    "The actor is temporarily unavailable",  # nothing answers, and nobody knows yet
    "ObjectLostError",
)
POLL_SECONDS = 0.25  # between looks at the encoder stages
REPEAT_SECONDS = 1.0  # between two settings of the same gauge, which Ray forgets after some time


class ClusterError(Exception):
    """Ray cannot do what the sweep asks; the message says what and the way out."""


def run(
    plan: Plan, todo: Sequence[Trial], store: RunStore, progress: Progress, address: str | None
) -> None:
    """Run trials on a cluster, or on a Ray started here for the purpose.

    Raises:
        ClusterError: no cluster at that address, no token, or no node can give the resources.
        StoreError: the store can take no more.
        KeyboardInterrupt: SIGINT or SIGTERM; what is finished is kept.
    """
    with _ray(plan.sweep.resources, address, progress) as ray, interruptible(), _Series() as series:
        progress.export(series.make)
        _check_resources(ray, plan.sweep.resources)
        slots = _slots(ray, plan.sweep.resources)
        with _stages(ray, plan, todo, store, progress) as stages:
            import ray.tune  # while the stages train

            stages.wait_for_one()
            os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(max(PENDING, 2 * slots))
            queue = Queue(plan, todo, stages, slots, progress)
            _tune(plan, store, progress, queue)


# What workers need -----------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where a worker finds things, and how many threads it may use."""

    root: str
    plugins: tuple[str, ...]
    threads: int

    def store(self) -> RunStore:
        load_plugins(Path(plugin) for plugin in self.plugins)
        return RunStore(parse_location(self.root))


def _slots(ray: Any, resources: Resources) -> int:
    """How many trials run at once on the cluster, as it is or as it can grow."""
    share, grown = resources.trial, resources.autoscale
    total: dict[str, float] = ray.cluster_resources()
    cpus, gpus = total.get("CPU", 0), total.get("GPU", 0)
    if grown:
        cpus, gpus = max(cpus, grown.nodes * grown.cpus), max(gpus, grown.nodes * grown.gpus)
    return max(1, math.floor(min(cpus / share.cpus, gpus / share.gpus if share.gpus else math.inf)))


# The encoder actor -----------------------------------------------------------


def _actor_name(trial: Trial) -> str:
    return f"encoder-{trial.dataset_name}-{trial.encoder.name}-{trial.embedding_id}"


class _Encoder:
    """Holds the world of one (dataset, encoder): features, map, labels.

    It asks for no CPU, so that it can stay while trials run; the training itself is a task with
    the resources of the `pretrain` stage. Its state is on disk: it is made again from the trial
    and the path it was given, on any node that sees the path.
    """

    def __init__(self, name: str, trial: Trial, place: _Place, share: Share) -> None:
        self._name, self._trial, self._place, self._share = name, trial, place, share
        self._said: dict[str, float] = {}
        self._waits = False
        self._shared: list[Any] = []
        self._world: World | None = None

    def begun(self) -> None:
        """Take the training task's word that it has a place."""
        self._waits = False

    def say(self, said: dict[str, float]) -> None:
        """Take a progress report from the training task."""
        self._said = said

    def said(self) -> tuple[dict[str, float], bool]:
        """The last report, and whether a training that was lost waits for a place."""
        return self._said, self._waits

    def keep(self, shared: list[Any]) -> None:
        """Take the reference that the driver holds on what `world` returned."""
        self._shared = shared

    def shared(self) -> list[Any]:
        """Hand that reference to a worker; empty after a restart."""
        return self._shared

    def world(self) -> World:
        """Prepare on the first call; ask again, or after a restart, and get the same."""
        if self._world is None:
            store, training = self._place.store(), []
            if not store.artifacts.is_complete(self._trial.embedding_id):
                begun = store.artifacts.has_checkpoint(self._trial.embedding_id)
                training = [self._train(again=begun)]
            data = load_dataset(self._trial)  # while the task trains
            self._wait(training)
            self._world = load_world(self._trial, data, store)
        return self._world

    def _train(self, *, again: bool) -> Any:
        import ray

        self._waits = again
        task = ray.remote(_pretrain).options(
            name=f"pretrain {self._trial.encoder.name} on {self._trial.dataset_name}",
            num_cpus=self._share.cpus,
            num_gpus=self._share.gpus,
            max_retries=0,
        )
        return task.remote(self._trial, self._place, self._share.threads, self._name)

    def _wait(self, training: list[Any]) -> None:
        """Wait for the training; start it again, from what it has kept, where it was lost."""
        import ray

        errors, losses = ray.exceptions, Losses()
        lost = (errors.NodeDiedError, errors.WorkerCrashedError, errors.OutOfMemoryError)
        while True:
            try:
                ray.get(training)
            except lost as error:
                if losses.add("training", with_node=isinstance(error, errors.NodeDiedError)):
                    raise
                training = [self._train(again=True)]
            else:
                return


def _pretrain(trial: Trial, place: _Place, threads: int, actor: str) -> None:
    import ray

    holder: Any = ray.get_actor(actor)
    holder.begun.remote()

    def report(said: Mapping[str, float]) -> None:
        holder.say.remote(dict(said))

    prepare(trial, place.store(), report, threads)


# Encoder stages, watched from the driver --------------------------------------


class _Stages:
    """Watches encoder stages in a thread: progress to the bar, worlds to the trials."""

    def __init__(self, ray: Any, store: RunStore, progress: Progress) -> None:
        self._ray, self._store, self._progress = ray, store, progress
        self._pending: dict[str, tuple[Any, Any, Stage, list[Trial]]] = {}
        self._actors: list[Any] = []  # an actor lives as long as a handle on it
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._some_ended = threading.Event()
        self.ready: set[str] = set()
        self.failed: set[str] = set()
        self.waiting: set[str] = set()
        self.fatal = ""  # why the store can take no more

    def add(self, trials: list[Trial], place: _Place, share: Share) -> None:
        trial = trials[0]
        name = _actor_name(trial)
        actor = (
            self._ray.remote(_Encoder)
            .options(
                name=name,
                num_cpus=0,
                max_restarts=-1,
                max_task_retries=-1,
                max_concurrency=4,
            )
            .remote(name, trial, place, share)
        )
        stage = self._progress.stage(trial)
        self._pending[trial.embedding_id] = (actor, actor.world.remote(), stage, trials)
        self._actors.append(actor)

    def start(self) -> None:
        self._thread.start()

    def wait_for_one(self) -> None:
        """Wait until the first stage has ended, well or not."""
        while not self._some_ended.wait(POLL_SECONDS):
            pass

    def stop(self) -> None:
        self._end.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        while self._pending and not self._end.wait(POLL_SECONDS):
            for artefact in list(self._pending):
                try:
                    self._look(artefact)
                except self._ray.exceptions.GetTimeoutError:
                    continue  # the actor is being started again, or busy: look later
                except Exception as error:  # noqa: BLE001 - a stage's failure is its trials'
                    self._give_up(artefact, _origin(error))

    def _look(self, artefact: str) -> None:
        actor, world, stage, _ = self._pending[artefact]
        ready, _ = self._ray.wait([world], timeout=0, fetch_local=False)
        if not ready:
            said, waits = self._ray.get(actor.said.remote(), timeout=10)
            (self.waiting.add if waits else self.waiting.discard)(artefact)
            if said:
                stage.update(said)
            return
        self._ray.get(world)
        self._ray.get(actor.keep.remote([world]))
        stage.done()
        self.ready.add(artefact)
        self._end_stage(artefact)

    def _give_up(self, artefact: str, error: BaseException) -> None:
        trials = self._pending[artefact][3]
        self.failed.add(artefact)
        try:
            if isinstance(error, StoreError):
                raise error
            fail_all(trials, self._store, self._progress, error)
        except (OSError, StoreError) as full:
            self.fatal = str(full)
        self._end_stage(artefact)

    def _end_stage(self, artefact: str) -> None:
        del self._pending[artefact]
        self.waiting.discard(artefact)
        self._some_ended.set()


def _origin(error: BaseException) -> BaseException:
    """Return what was raised in a worker, out of the errors that carried it here."""
    while isinstance(cause := getattr(error, "cause", None), BaseException):
        error = cause
    return error


@contextlib.contextmanager
def _stages(
    ray: Any, plan: Plan, todo: Sequence[Trial], store: RunStore, progress: Progress
) -> Iterator[_Stages]:
    resources = plan.sweep.resources
    stages = _Stages(ray, store, progress)
    for mine in group_by_embedding(todo).values():
        stages.add(mine, _place(plan, store, resources.pretrain), resources.pretrain)
    stages.start()
    try:
        yield stages
    finally:
        stages.stop()


def _place(plan: Plan, store: RunStore, share: Share) -> _Place:
    plugins = tuple(str(path) for path in plan.sweep.plugins)
    return _Place(str(store.root.resolve()), plugins, share.threads)


# Tune --------------------------------------------------------------------------


def _tune(plan: Plan, store: RunStore, progress: Progress, queue: Queue) -> None:
    """Let Tune schedule the trials; records on disk, not Tune's state, say what is done."""
    import ray
    from ray import tune

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a trace for each worker that is lost
    share = plan.sweep.resources.trial
    place = _place(plan, store, share)
    ends = Ends(progress, store, queue)
    with (
        tempfile.TemporaryDirectory(prefix="rayal-tune-") as scratch,
        contextlib.suppress(AllEndedError),
    ):
        tune.Tuner(
            tune.with_resources(
                tune.with_parameters(
                    _make_trainable(plan.sweep.name), trials=[ray.put(queue.trials)], place=place
                ),
                {"cpu": share.cpus, "gpu": share.gpus},
            ),
            tune_config=tune.TuneConfig(
                search_alg=_make_searcher(queue),
                num_samples=-1,  # until the queue is at its end
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=plan.sweep.name,
                storage_path=scratch,
                verbose=0,
                callbacks=[_make_callback(ends), _make_forgetter()],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()
    if fatal := ends.fatal or queue.fatal:
        raise StoreError(fatal)


def _make_trainable(sweep: str) -> Any:
    """One Tune trial is a bundle of ours. A trial's own error is a result, not a crash.

    A class, because it reports once where a function reports twice, and Tune's cost is by report.
    """
    from ray import tune

    class Runner(tune.Trainable):
        def setup(  # type: ignore[override] # with_parameters adds the last two
            self, config: dict[str, Any], trials: list[Any], place: _Place
        ) -> None:
            self._config, self._trials, self._place = config, trials, place

        def __repr__(self) -> str:
            return f"trials of {sweep}"  # what Ray's dashboard calls this worker

        def step(self) -> dict[str, Any]:
            trials = _trials_at(self._trials[0])
            bundle = [trials[name] for name in self._config["bundle"]]
            world = _world_at(_actor_name(bundle[0]))
            outcomes = attempt(bundle, world, self._place.store(), self._place.threads)
            return {"outcomes": outcomes, "done": True}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Nothing is saved: rounds and records lie in the store."""

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self._config = new_config
            return True

    return Runner


@cache
def _trials_at(reference: Any) -> dict[str, Trial]:
    """Read the sweep's trials once a process."""
    import ray

    trials: dict[str, Trial] = ray.get(reference)
    return trials


@cache
def _world_at(actor: str) -> World:
    """Read a world once a process; its arrays stay in shared memory."""
    import ray

    holder: Any = ray.get_actor(actor)
    shared = ray.get(holder.shared.remote())
    world: World = ray.get(shared[0] if shared else holder.world.remote())
    return world


def _make_searcher(queue: Queue) -> Any:
    """Hand Tune the bundles one by one, those first whose encoder stage is ready."""
    from ray.tune.search import Searcher

    class WhenReady(Searcher):
        def __init__(self, queue: Queue) -> None:
            super().__init__()
            self._queue = queue

        def suggest(self, trial_id: str) -> Any:
            return self._queue.next()

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            """Nothing is learned from a trial: the grid is fixed."""

        def save(self, checkpoint_path: str) -> None:
            """Nothing is saved: records say what is done."""

        def restore(self, checkpoint_path: str) -> None:
            """Nothing is restored."""

        def __getstate__(self) -> dict[str, Any]:
            return {}

    return WhenReady(queue)


def _make_callback(ends: Ends) -> Any:
    """Listen to Tune; end its run when the trials have ended or the store is full."""
    from ray import tune

    class Report(tune.Callback):
        def __init__(self, ends: Ends) -> None:
            self._ends = ends

        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self._ends.started(trial.config["bundle"])

        def on_trial_result(
            self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any
        ) -> None:
            for outcome in result["outcomes"]:
                self._ends.end(outcome)

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            trace = _worker_error(trial)
            lost = _went_with_its_node(trace)
            self._ends.worker_died(trial.config["bundle"], trace, with_node=lost)

        def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
            self._ends.check()

        def __getstate__(self) -> dict[str, Any]:
            return {}

    return Report(ends)


def _went_with_its_node(trace: str) -> bool:
    """Whether Ray says that a node was lost, or the way to it, or what lay on it."""
    return any(sign in trace for sign in NODE_LOST)


def _make_forgetter() -> Any:
    """Let go of the statistics of trials that have ended: Tune keeps them, 14 kB a trial."""
    from ray import tune

    class Forget(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            trial.metric_analysis.clear()
            trial.metric_n_steps.clear()

    return Forget()


def _worker_error(trial: Any) -> str:
    path = Path(trial.error_file) if trial.error_file else None
    return path.read_text(encoding="utf-8") if path and path.exists() else "no trace was left"


# Time series ---------------------------------------------------------------------


class _Series:
    """Makes time series that Ray's agent on this node shows to Prometheus, as ray_NAME.

    The agent forgets a gauge that was not set for two of its intervals, 20 s; a trial may take
    hours. So every gauge is set again, to what it was set to last, while the sweep runs.
    """

    def __init__(self) -> None:
        self._gauges: dict[tuple[Any, ...], Callable[[], None]] = {}
        self._lock = threading.Lock()  # what was set last is shown last
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def __enter__(self) -> _Series:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def make(self, metric: Metric) -> Instrument:
        import ray
        from ray.util import metrics

        put: Instrument
        if metric.kind == "counter":
            put = metrics.Counter(metric.name, metric.says, metric.labels).inc
        else:
            put = partial(self._set, metrics.Gauge(metric.name, metric.says, metric.labels).set)

        def show(value: float, labels: dict[str, str]) -> None:
            if ray.is_initialized():  # what comes late is told to nobody
                put(value, labels)

        return show

    def _set(self, put: Instrument, value: float, labels: dict[str, str]) -> None:
        with self._lock:
            self._gauges[(put, *labels.values())] = partial(put, value, labels)
            put(value, labels)

    def _repeat(self) -> None:
        while not self._end.wait(REPEAT_SECONDS):
            with self._lock:
                for put in self._gauges.values():
                    put()


# Starting and joining Ray --------------------------------------------------------


@contextlib.contextmanager
def _ray(resources: Resources, address: str | None, progress: Progress) -> Iterator[Any]:
    joined = address or os.environ.get("RAY_ADDRESS")
    _refuse_client(joined)
    if "ray" in sys.modules and not _SETTINGS.items() <= os.environ.items():
        raise ClusterError(
            "ray was imported before the sweep could set it up, and it reads its security settings "
            "when it is imported: run the sweep before any `import ray`"
        )
    os.environ.update(_SETTINGS)
    progress.note(f"joining the Ray cluster at {joined}" if joined else "starting Ray")
    with tempfile.TemporaryDirectory(prefix="rayal-", ignore_cleanup_errors=True) as scratch:
        context = _join(joined) if joined else _start(Path(scratch), resources)
        import ray

        try:
            _say_dashboard(context, progress)
            yield ray
        finally:
            ray.shutdown()


_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",  # a busy machine may need more than Ray's minute
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths in a sweep mean the same in every process
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output is silent at verbose=0, the new one is not
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours stops at once: nothing finished can be lost
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # records are the truth, Tune's snapshots are not used
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


@cache
def _token() -> Path:
    """A new token in a file that only this user can read; Ray reads it once a process."""
    folder = Path(tempfile.mkdtemp(prefix="rayal-token-"))  # mode 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    return token


def _start(scratch: Path, resources: Resources) -> Any:
    """Start a Ray of our own: on 127.0.0.1 alone, with a token that only this user can read."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(_token())
    os.environ.pop("RAY_AUTH_TOKEN", None)
    # Despite its name this is what makes every service bind to the loopback address.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray

    try:
        return ray.init(
            num_cpus=resources.machine_cpus or None,
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(scratch / "ray"),
        )
    except Exception as error:  # a service that does not start raises a bare one
        said = str(error).strip().partition("\n")[0]
        raise ClusterError(
            f"Ray could not be started: {said} Use --local to do without."
        ) from error


def _join(address: str) -> Any:
    """Join a cluster that is there already."""
    _check_token(address)
    import ray

    try:
        return ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"no Ray cluster answers at '{address}': {str(error).splitlines()[0]}"
        ) from error


def _refuse_client(address: str | None) -> None:
    """Through Ray's client Tune would run on the head, away from what our driver watches."""
    if address and address.startswith("ray://"):
        raise ClusterError(
            f"'{address}' is an address of the Ray client, which cannot carry a sweep: run it on "
            "the cluster, `ray job submit -- python -m rayal.sweep ...`, or give a head's own "
            "address (HOST:6379) on one of the cluster's machines"
        )


def _check_token(address: str) -> None:
    """State the authentication explicitly: a joined cluster without a token hangs for a minute."""
    mode = os.environ.setdefault("RAY_AUTH_MODE", "token")
    if mode != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    path = _token_file()
    if not path.is_file():
        raise ClusterError(
            f"no token for the cluster at '{address}': {path} does not exist; set "
            "RAY_AUTH_TOKEN_PATH to the cluster's token file (or RAY_AUTH_MODE=disabled for a "
            "cluster that has no authentication)"
        )
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _token_file() -> Path:
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))


def _say_dashboard(context: Any, progress: Progress) -> None:
    if context.dashboard_url:
        token = "RAY_AUTH_TOKEN" if os.environ.get("RAY_AUTH_TOKEN") else _token_file()
        asks = os.environ.get("RAY_AUTH_MODE") == "token"
        where = f" (the page asks for the token in {token})" if asks else ""
        progress.note(f"Ray dashboard: http://{context.dashboard_url}{where}")


def _check_resources(ray: Any, resources: Resources) -> None:
    """Refuse what no node can give, of those there are or can be, before anything is placed."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if grown := resources.autoscale:
        nodes.append({"CPU": grown.cpus, "GPU": grown.gpus})
    for stage in ("pretrain", "trial"):
        share: Share = getattr(resources, stage)
        for name, wanted in (("CPU", share.cpus), ("GPU", share.gpus)):
            most = max((node.get(name, 0) for node in nodes), default=0)
            if wanted > most:
                raise ClusterError(_too_much(stage, name, wanted, most))


def _too_much(stage: str, name: str, wanted: float, most: float) -> str:
    option = f"resources.{stage}.{name.lower()}s={most:g}"
    less = f"ask for less, --set {option}, or " if most or name == "GPU" else ""
    return (
        f"resources: {stage} asks for {wanted:g} {name}s and the largest node has {most:g}; {less}"
        "say what the nodes have that the cluster starts on demand: "
        "--set resources.autoscale.cpus=4 --set resources.autoscale.gpus=1"
    )
