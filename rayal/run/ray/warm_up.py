"""Workers that import what training needs while the actor that asks for it starts."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rayal.plugins import load_plugins
from rayal.registry import DATASETS, ENCODERS
from rayal.run.ray.encoder_actor import WorkerConfig
from rayal.sweep.definition import Trial

MOST = 4  # workers; trainings beyond them start later


def warm_up_workers(trials: Sequence[Trial], config: WorkerConfig) -> None:
    """Let an idle worker for each of the embeddings that trials need import what makes it.

    Ray gives a task to a process that another task has left. Not where training takes a GPU: a
    process that has looked for one, and was given none, would not see the one it gets later.
    """
    import ray

    if config.resources.pretrain.gpus:
        return
    task = ray.remote(_import).options(name="import what training needs", num_cpus=0, max_retries=0)
    for trial in trials[:MOST]:
        task.remote(config.plugins, trial.dataset.name, trial.encoder.name)


def _import(plugins: Sequence[str], dataset: str, encoder: str) -> None:
    with contextlib.suppress(Exception, SystemExit):  # told where it fails again, in the training
        import_module("rayal.run.encoding")
        load_plugins(Path(plugin) for plugin in plugins)
        DATASETS.find(dataset)
        ENCODERS.find(encoder)
