"""Runs the trials of a sweep on a cluster: Tune schedules batches of them."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from rayal.events.dispatch import Dispatcher
from rayal.events.prometheus import SweepMetrics
from rayal.run.preflight import request_for, shared_bytes
from rayal.run.pruning import NO_PRUNING, Pruner
from rayal.run.queue import TrialQueue
from rayal.run.ray.callbacks import make_callback, make_memory_trimmer
from rayal.run.ray.cluster_watch import services, watch_cluster
from rayal.run.ray.metrics import MetricsExporter
from rayal.run.ray.node_checks import check_nodes
from rayal.run.ray.resources import (
    alive_nodes,
    check_resources,
    count_workers,
    idle_gpus,
    trial_resources,
)
from rayal.run.ray.searcher import make_searcher
from rayal.run.ray.session import ray_session
from rayal.run.ray.stages import encoding_jobs, worker_config
from rayal.run.ray.trainable import make_trainable
from rayal.run.trial_events import AllTrialsDoneError, TrialEvents
from rayal.storage.files import StoreError
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial
from rayal.sweep.plan import Plan

MIN_PENDING = 4  # batches that wait for a worker at the least, so that none waits for a batch


def run(  # noqa: PLR0913 - what runs and where, and what there is to do beside
    plan: Plan,
    todo: Sequence[Trial],
    store: RunStore,
    events: Dispatcher,
    address: str | None,
    pruner: Pruner = NO_PRUNING,
    meanwhile: Callable[[], object] | None = None,
) -> None:
    """Run trials on a cluster, or on a Ray started here for the purpose.

    `meanwhile` is called once, while encoders train and the driver would wait.

    Raises:
        ClusterError: no cluster at that address, no token, or no node can give the resources.
        ClusterLostError: it went while the sweep ran.
        StoreError: the store can take no more.
        KeyboardInterrupt: a signal of `signals.STOP_SIGNALS`; what is finished is kept.
    """
    resources = plan.sweep.resources
    with (
        ray_session(resources, address, events.message, shared_bytes(plan, todo)) as session,
        watch_cluster(services(joined=session.joined), events.message),
        MetricsExporter() as exporter,
    ):
        events.add(SweepMetrics(plan.sweep.name, len(plan.trials), exporter.create_metric))
        if session.joined:
            check_nodes(request_for(resources, "join", store.root), events.message)
        nodes = alive_nodes()
        check_resources(nodes, resources)
        if note := idle_gpus(nodes, resources):
            events.message(note)
        workers = count_workers(nodes, resources)
        with encoding_jobs(plan, todo, store, events) as encodings:
            _import_tune()
            if meanwhile is not None:
                meanwhile()
            encodings.wait_for_one()
            os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(_most_pending(workers, pruner))
            queue = TrialQueue(plan, todo, encodings, workers, events, pruner=pruner)
            _tune(plan, store, queue, TrialEvents(events, store, queue), session.scratch)


def _import_tune() -> None:
    """Import Tune, and what it would import later, to count callbacks by their sort.

    The trackers that are installed take two seconds, in which encoders train.
    """
    import_module("ray.tune")
    for tracker in ("comet", "mlflow", "wandb"):
        with contextlib.suppress(ImportError):
            import_module(f"ray.air.integrations.{tracker}")


def _most_pending(workers: int, pruner: Pruner) -> int:
    """How many batches are given out ahead; what is given out can not be spared any more."""
    return max(MIN_PENDING, 2 * workers) if pruner.stops_nothing else workers


def _tune(
    plan: Plan, store: RunStore, queue: TrialQueue, trial_events: TrialEvents, scratch: Path
) -> None:
    """Let Tune schedule the trials; records on disk, not Tune's state, say what is done."""
    import ray
    from ray import tune

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a trace for each worker that is lost
    trainable = tune.with_parameters(
        make_trainable(plan.sweep.name),
        trials=[ray.put(queue.trials)],
        worker=worker_config(plan, store),
    )
    with contextlib.suppress(AllTrialsDoneError):
        tune.Tuner(
            tune.with_resources(trainable, trial_resources(plan.sweep.resources, queue.trials)),
            tune_config=tune.TuneConfig(
                search_alg=make_searcher(queue),
                num_samples=-1,  # until the queue is at its end
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=plan.sweep.name,
                storage_path=str(scratch / "tune"),
                verbose=0,
                callbacks=[make_callback(trial_events), make_memory_trimmer()],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()
    if fatal := trial_events.fatal or queue.fatal:
        raise StoreError(fatal)
