"""Encoder stages made one after another in this process, each with the files of its map."""

from __future__ import annotations

import time
from functools import partial

from rich.console import Console

from rayal.cli import map_files
from rayal.cli.printing import print_notes
from rayal.events.bar import Lines
from rayal.run.encoding import load_dataset, make_embedding, restore_images
from rayal.run.failures import PASSING, error_message, error_trace
from rayal.storage import dataset_map
from rayal.storage.file_names import shortened
from rayal.storage.location import Location
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, marked_definition
from rayal.sweep.names import recipe
from rayal.sweep.plan import Plan


def make_stages(console: Console, plan: Plan, held: RunStore) -> list[str]:
    """Make each stage that is not there, and the files of its map; return those that failed."""
    todo = [key for key in plan.embeddings if not held.artifacts.is_complete(key)]
    print_notes(console, plan, todo)
    lines = Lines(console, len(plan.embeddings), 0)
    for note in filter(None, restore_images(plan, held)):
        lines.message(note)
    return [
        key for key, trial in plan.embeddings.items() if not _make_one(lines, plan, trial, held)
    ]


def _make_one(lines: Lines, plan: Plan, trial: Trial, held: RunStore) -> bool:
    """Return whether it is there at the end."""
    key = trial.embedding_id
    try:
        if damage := held.artifacts.set_aside_damaged(key):
            lines.message(damage)
        if not held.artifacts.is_complete(key):
            started = time.monotonic()
            lines.encoding_started(trial)
            report = partial(lines.encoding_progress, trial)
            make_embedding(trial, held, report, plan.sweep.resources.pretrain.threads)
            lines.encoding_finished(trial, time.monotonic() - started)
        _write_map(trial, held)
    except PASSING:
        raise
    except BaseException as error:  # noqa: BLE001 - one encoder's failure is not that of the others
        message = error_message(error)
        held.save_failure(key, trial.definition(), message, error_trace(error))
        encoder = recipe(marked_definition(trial)["encoder"])
        lines.message(f"failed {encoder} on {trial.dataset_name}: {message}")
        lines.message(f"  log: {held.failure_path(key)}")
        return False
    held.forget_failure(key)
    return True


def _write_map(trial: Trial, held: RunStore) -> None:
    """Write the map, where there is one, as a table and as a figure."""
    drawn = held.artifacts.dataset_map(trial.embedding_id)
    table = map_path(trial, held)
    if drawn is None or held.files.exists(table):
        return
    with held.files.upload_dir(table.parent) as folder:
        map_files.write_figure(folder / table.name, drawn)
        dataset_map.write_table(folder / table.name, drawn, load_dataset(trial).train.labels)


def map_path(trial: Trial, held: RunStore) -> Location:
    """Return where the table of a trial's dataset map lies in a run; its figures lie beside it."""
    name = f"{shortened(trial.dataset_name)}-{trial.encoder.name}-{trial.embedding_id}.parquet"
    return held.root / "maps" / name
