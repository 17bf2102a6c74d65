"""`rayal encode SWEEP`: the encoder stages of a sweep alone, without Ray.

Makes what is not there yet and shows all: features, how well they tell classes apart, and the
dataset map as a table and as a figure. `rayal encode DATASET` does so for one dataset,
whose parameters and encoder are given with --set. The sweep finds what was made.

`rayal encode IMAGES --shards PLACE` writes the features of a folder or list of images, or of those
at s3://BUCKET/PREFIX or gs://BUCKET/PREFIX, as shards, for `rayal select` on pools that no memory
holds.

Exit status: 0 all made, 1 some failed, 2 refused before anything started, 130 interrupted (the
same command goes on where it stopped).
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from rayal.cli import map_files
from rayal.cli.interruption import stops_with_a_message
from rayal.cli.printing import print_notes
from rayal.cli.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    REFUSED,
    add_out,
    add_set,
    cell,
    cluster_address,
    output,
    print_error,
    print_line,
    print_table,
    warnings_as_lines,
)
from rayal.contracts import Embedding
from rayal.encoders._features import neighbors
from rayal.events.bar import Lines
from rayal.labeling.errors import LabelingError
from rayal.registry import DATASETS
from rayal.run.encoding import load_dataset, make_embedding, restore_images
from rayal.run.failures import PASSING, error_message, error_trace
from rayal.run.malloc import configure_malloc
from rayal.run.process_exit import ends_in_time, exits_are_errors
from rayal.run.ray.errors import ClusterError, ClusterLostError
from rayal.run.signals import interruptible
from rayal.storage import dataset_map
from rayal.storage import run as store
from rayal.storage.file_names import shortened
from rayal.storage.files import StoreError
from rayal.storage.location import Location
from rayal.storage.run import RunStore
from rayal.sweep import packaged
from rayal.sweep.definition import Trial, marked_definition
from rayal.sweep.earlier import go_on
from rayal.sweep.errors import SweepError
from rayal.sweep.file import Sweep, load_sweep
from rayal.sweep.names import recipe
from rayal.sweep.plan import Plan, make_plan

PROG = "python -m rayal.encode"
_VOTERS, _ASKED = 20_000, 2_000  # images that the accuracy is measured on, at most


@ends_in_time
@stops_with_a_message
@exits_are_errors()
@warnings_as_lines()
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = parser(prog).parse_args(words)
    configure_malloc()
    console = output(of_run=True)
    try:
        if options.shards is not None:
            return _encode_shards(options, console)
        _refuse_of_shards(options, parser(prog).parse_args([options.what]))
        sweep = _sweep(options.what, options.set)
        plan = make_plan(sweep)
        root = options.out or Path("runs") / sweep.name
        place = nullcontext(RunStore(root)) if options.show else store.lock_run(root, sweep.name)
        with place as held, interruptible():
            plan = go_on(plan, held.plan() if held.has_plan() else None, held.finished()).plan
            failed = [] if options.show else _make(console, plan, held)
            _show(console, plan, held)
    except (SweepError, StoreError, ClusterError, ClusterLostError, LabelingError) as error:
        print_error(error)
        return REFUSED
    except KeyboardInterrupt:
        command = shlex.join([*prog.split(), *words])
        print_line(console, f"interrupted: what is made is kept; go on with: {command}")
        return INTERRUPTED
    return FAILED if failed else DONE


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Make the encoder stages of a sweep, or of one dataset, and show them.",
    )
    command.add_argument(
        "what",
        metavar="SWEEP_OR_DATASET",
        help="a sweep file, the name of one that comes with rayal, as quickstart, a dataset's name "
        "(with moco), or with --shards a folder of images, a list of them or s3:// or "
        "gs://BUCKET/PREFIX",
    )
    add_out(command)
    add_set(
        command,
        "--set encoders.moco.epochs=20, --set encoders=[pixels], --set datasets.npz.path=blood.npz",
    )
    command.add_argument(
        "--show", action="store_true", help="show what is there; make and write nothing"
    )
    _add_shards(command.add_argument_group("features of many images as shards"))
    return command


def _add_shards(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--shards", metavar="PLACE", help="where they go: a folder, s3:// or gs://BUCKET/PREFIX")
    add("--encoder", metavar="NAME", help="pretrained (default) or another that does not train")
    add("--side", type=int, default=224, help="pixels of the squares that images become (224)")
    add("--dtype", choices=["float16", "float32"], default="float16", help="of features (float16)")
    add("--files-per-shard", type=int, default=2048, metavar="n", help="a worker's (2048)")
    add("--address", type=cluster_address, metavar="HOST:PORT", help="a Ray cluster to work on")
    add("--workers", type=int, metavar="n", help="of that cluster, which may have to grow")
    add("--gpus", type=float, default=0, metavar="g", help="GPUs of each of its workers, or a part")


def _encode_shards(options: argparse.Namespace, console: Console) -> int:
    from rayal.cli.encode_shards import encode  # imports what a sweep does not need

    for name, is_given in (("out", options.out is not None), ("show", options.show)):
        if is_given:
            raise LabelingError(f"--{name} is of the stages of a sweep: leave it or --shards out")
    try:
        return encode(options, console)
    except ValueError as error:
        raise LabelingError(str(error)) from error


def _refuse_of_shards(options: argparse.Namespace, usual: argparse.Namespace) -> None:
    for name in ("encoder", "side", "dtype", "files_per_shard", "address", "workers", "gpus"):
        if getattr(options, name) != getattr(usual, name):
            raise LabelingError(
                f"--{name.replace('_', '-')} is of shards: name their place, --shards"
            )


def _sweep(what: str, overrides: Sequence[str]) -> Sweep:
    """Read a sweep file, or make the smallest sweep of a dataset."""
    if Path(what).suffix in (".yaml", ".yml") or Path(what).is_file():
        return load_sweep(Path(what), overrides)
    if what in packaged.names() and what not in DATASETS.names():  # chestmnist is both
        return load_sweep(packaged.find(what), overrides)
    smallest = {"name": what, "datasets": [what], "encoders": ["moco"], "seeds": 1}
    smallest |= {"strategies": ["random"], "learners": ["knn"], "budgets": [1]}
    if not re.fullmatch(r"\w[\w.-]*", what):
        images = "; of images, say where features go: --shards PLACE" if "://" in what else ""
        raise SweepError(f"{what} is neither a sweep file nor a dataset's name{images}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / what
        path.write_text(json.dumps(smallest), encoding="utf-8")
        return load_sweep(path, overrides)


# Making --------------------------------------------------------------------------


def _make(console: Console, plan: Plan, held: RunStore) -> list[str]:
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
    table = _map_path(trial, held)
    if drawn is None or held.files.exists(table):
        return
    with held.files.upload_dir(table.parent) as folder:
        map_files.write_figure(folder / table.name, drawn)
        dataset_map.write_table(folder / table.name, drawn, load_dataset(trial).train.labels)


def _map_path(trial: Trial, held: RunStore) -> Location:
    name = f"{shortened(trial.dataset_name)}-{trial.encoder.name}-{trial.embedding_id}.parquet"
    return held.root / "maps" / name


# Showing -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shown:
    """A line of the table."""

    features: str
    seconds: str
    accuracy: str
    taus: str


def _show(console: Console, plan: Plan, held: RunStore) -> None:
    table = Table(title=cell(f"Encoder stages in {held.root}"), title_justify="left")
    for heading in ("dataset", "encoder", "N x D", "seconds", "k-NN accuracy", "map's τ"):
        table.add_column(heading, justify="right" if heading in ("N x D", "seconds") else "left")
    for trial in plan.embeddings.values():
        summary = _shown(trial, held)
        about = (summary.features, summary.seconds, summary.accuracy, summary.taus)
        table.add_row(
            cell(trial.dataset_name),
            cell(recipe(marked_definition(trial)["encoder"])),
            *about,
        )
    print_table(console, table)
    for trial in plan.embeddings.values():
        if held.files.exists(_map_path(trial, held)):
            print_line(console, f"Map: {_map_path(trial, held)}, and .svg, .png, .pdf beside it")


def _shown(trial: Trial, held: RunStore) -> _Shown:
    if not held.artifacts.is_complete(trial.embedding_id):
        under_way = held.artifacts.has_checkpoint(trial.embedding_id)
        return _Shown("unfinished" if under_way else "not made", "", "", "")
    embedding = held.artifacts.embedding(trial.embedding_id)
    about = held.artifacts.about(trial.embedding_id)
    N, D = embedding.train.shape
    taus = ", ".join(f"{tau:g}" for tau in embedding.map.confidence) if embedding.map else ""
    truth = " and truth" if embedding.map and embedding.map.truth else ""
    return _Shown(
        f"{N:,} x {D:,}",
        f"{about['seconds']:,.0f}",
        _accuracy(trial, embedding),
        taus + truth,
    )


def _accuracy(trial: Trial, embedding: Embedding) -> str:
    """Return the accuracy on test images of a vote of the pool's nearest, all of it labeled.

    "" where an image may have several classes.
    """
    data = load_dataset(trial)
    if data.multilabel:
        return ""
    references, queries = (
        _evenly(len(embedding.train), _VOTERS),
        _evenly(len(embedding.test), _ASKED),
    )
    accuracy = neighbors.knn_accuracy(
        embedding.train[references],
        data.train.labels[references],
        embedding.test[queries],
        data.test.labels[queries],
    )
    return f"{accuracy:.3f}"


def _evenly(n: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)
