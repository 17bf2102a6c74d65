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
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from rayal.cli.encoder_stages import make_stages
from rayal.cli.encoder_table import show_stages
from rayal.cli.interruption import stops_with_a_message
from rayal.cli.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    REFUSED,
    add_out,
    add_set,
    cluster_address,
    output,
    print_error,
    print_line,
    warnings_as_lines,
)
from rayal.labeling.errors import LabelingError
from rayal.registry import DATASETS
from rayal.run.malloc import configure_malloc
from rayal.run.process_exit import ends_in_time, exits_are_errors
from rayal.run.ray.errors import ClusterError, ClusterLostError
from rayal.run.signals import interruptible
from rayal.storage.files import StoreError
from rayal.storage.held_run import lock_run
from rayal.storage.run import RunStore
from rayal.sweep import packaged
from rayal.sweep.earlier import go_on
from rayal.sweep.errors import SweepError
from rayal.sweep.file import Sweep, load_sweep
from rayal.sweep.plan import make_plan

PROG = "python -m rayal.encode"
FILES_PER_SHARD = 2048  # 308 MB of pixels at 224 x 224


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
        place = nullcontext(RunStore(root)) if options.show else lock_run(root, sweep.name)
        with place as held, interruptible():
            plan = go_on(plan, held.plan() if held.has_plan() else None, held.finished()).plan
            failed = [] if options.show else make_stages(console, plan, held)
            show_stages(console, plan, held)
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
    add(
        "--files-per-shard", type=int, default=FILES_PER_SHARD, metavar="n",
        help="a worker's (%(default)s)",
    )  # fmt: skip
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
