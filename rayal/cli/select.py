"""`rayal select IMAGES --budget B`: which images to label first, as files for people and tools.

`rayal select DIR --budget B` is the next round of a project. The same command goes on where it was
interrupted, and chooses nothing twice.

Exit status: 0 done, 2 refused before anything was chosen, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from rayal.cli.component_parameters import component_parameters
from rayal.cli.interruption import stops_with_a_message
from rayal.cli.labeling_project import refuse
from rayal.cli.selected import show_selected
from rayal.cli.terminal import (
    DONE,
    INTERRUPTED,
    cluster_address,
    output,
    print_line,
    warnings_as_lines,
)
from rayal.labeling.current_files import check_place
from rayal.labeling.errors import LabelingError
from rayal.labeling.project import SETTINGS, Project, is_project
from rayal.labeling.selecting import (
    Request,
    Selected,
    first_round,
    next_round,
    open_or_create,
    usual_root,
)
from rayal.labeling.settings import describe_source, write_settings
from rayal.run.ray.errors import ClusterError
from rayal.storage.files import StoreError
from rayal.storage.location import Address, parse_location
from rayal.storage.shard_folders import are_begun
from rayal.storage.shard_set import is_shard_set

PROG = "rayal select"
DEFAULT_BUDGET = 60
EPILOG = """\
examples:
  rayal select cells/ --budget 60                       a folder of images, at any depth
  rayal select cells/ --budget 60 --audit 30            and 30 at random, to measure with
  rayal select slides.csv --group patient --per-group 1 a list with a column of paths
  rayal select xrays/ --classes effusion,mass --multilabel  several classes an image, or none
  rayal select embeddings.npz --budget 60               features and ids, without images
  rayal select shards/ --budget 1000 --memory 4GiB      features in shards, larger than memory
  rayal select s3://bucket/cells --shards s3://bucket/cells-features --address auto
                                                        images in an object store, by a cluster
  rayal select cells-labels --budget 40                 the next round
"""


@stops_with_a_message
@warnings_as_lines()
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = parser(prog).parse_args(words)
    console = output(of_run=True)
    try:
        _check_numbers(options)
        if is_shard_set(options.images) or _are_unfinished(options):
            return _select_shards(options, console)
        if isinstance(parse_location(options.images), Address):
            return _select_objects(options, console)
        _refuse_of_shards(options)
        _refuse_shards_of_a_folder(options)
        selected = _select(options, console)
    except (ClusterError, StoreError, ValueError, OSError) as error:
        return refuse(error, options.images)
    except KeyboardInterrupt:
        command = shlex.join([*prog.split(), *words])
        print_line(console, f"interrupted: what is made is kept; go on with: {command}")
        return INTERRUPTED
    show_selected(console, selected, PROG)
    return DONE


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Choose which images to label first, or next.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add(
        "images",
        metavar="IMAGES",
        help="a folder of images; a list of them (CSV, Parquet, JSON lines); features with ids "
        "(.npz, .npy, Parquet); shards of features, in a folder or at s3://BUCKET/PREFIX; images "
        "at such an address, with --shards; or a project made before, for its next round",
    )
    add("--budget", type=int, default=DEFAULT_BUDGET, metavar="B", help="images to choose (60)")
    add("--audit", type=int, default=0, metavar="M", help="images to draw at random besides")
    add("--out", type=Path, metavar="DIR", help="the project's folder (default: NAME-labels)")
    add("--group", metavar="COLUMN", help="column of groups, such as the patient")
    add("--group-pattern", default="", metavar="REGEX", help="finds an image's group in its path")
    add("--per-group", type=int, metavar="m", help="at most m images of a group and round")
    add("--path-column", metavar="COLUMN", help="column of paths, where it is not called path")
    add("--label", metavar="COLUMN", help="column of labels that are known already")
    add("--split", metavar="COLUMN", help="column of splits: test and val are not chosen")
    add("--classes", default="", metavar="A,B,...", help="names of classes that are known")
    add("--multilabel", action="store_true", help="an image may have several of --classes, or none")
    add("--features", metavar="FILE", help="features of the images, made elsewhere, ids = paths")
    add("--ids", metavar="FILE", help="ids of an .npy of features, a line each")
    add("--encoder", metavar="NAME", help="pretrained (default), moco, checkpoint, timm_model ...")
    add("--strategy", metavar="NAME", help="a strategy of `rayal strategies` (default: the best)")
    add("--seed", type=int, default=0, help="another seed, another choice")
    add(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help="parameters: --set encoder.weights=net.pt, --set strategy.restarts=10",
    )  # fmt: skip
    add(
        "--labeled", type=Path, metavar="FILE",
        help="of shards: a CSV of the ids that have labels, with columns id and label",
    )  # fmt: skip
    add("--memory", metavar="SIZE", help="of shards: what the process may take, such as 4GiB")
    add(
        "--address", type=cluster_address, metavar="HOST:PORT",
        help="of shards: a Ray cluster that does the work",
    )  # fmt: skip
    add("--workers", type=int, metavar="n", help="of that cluster, which may have to grow")
    add("--shards", metavar="PLACE", help="of images at an address: where their features go")
    add("--images-moved-to", metavar="PATH", help="of a project: where its images lie now")
    return command


def _check_numbers(options: argparse.Namespace) -> None:
    for name, least in (("budget", 0), ("audit", 0), ("per_group", 1), ("seed", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise LabelingError(f"--{name.replace('_', '-')} {value} is out of bounds: {least} up")
    if options.budget + options.audit < 1:
        raise LabelingError("--budget 0 and --audit 0 ask for nothing: give one of them")


def _are_unfinished(options: argparse.Namespace) -> bool:
    """Whether there are shards of which some are not written, which selecting from them refuses."""
    return options.shards is None and are_begun(parse_location(options.images))


def _select_shards(options: argparse.Namespace, console: Console) -> int:
    from rayal.cli.select_shards import select  # imports what a folder of images does not need

    return select(options, parser(PROG).parse_args([options.images]), console)


def _select_objects(options: argparse.Namespace, console: Console) -> int:
    from rayal.cli.select_shards import select_objects

    return select_objects(options, parser(PROG).parse_args([options.images]), console)


def _refuse_of_shards(options: argparse.Namespace) -> None:
    for name in ("labeled", "memory", "address", "workers"):
        if getattr(options, name) is not None:
            raise LabelingError(
                f"--{name} is of shards of features, and {options.images} has no shards.json"
            )


def _refuse_shards_of_a_folder(options: argparse.Namespace) -> None:
    if options.shards is not None:
        raise LabelingError(
            f"--shards is of images at an address, and {options.images} is none; for a folder or "
            f"list: rayal encode {options.images} --shards {options.shards}, and select from them"
        )


def _select(options: argparse.Namespace, console: Console) -> Selected:
    def tell(line: str) -> None:
        print_line(console, line)

    root = Path(options.images).expanduser()
    if is_project(root):
        _refuse_choices(options)
        project = Project.open(root)
        if options.images_moved_to:
            project = _moved(project, options.images_moved_to)
        if not project.rounds:
            return first_round(project, options.budget, options.audit, tell)
        return next_round(project, options.budget, options.audit, tell)
    if options.images_moved_to:
        raise LabelingError(f"--images-moved-to is of a project, and {root} is none")
    project = open_or_create(_request(options), options.out or usual_root(root))
    return first_round(project, options.budget, options.audit, tell)


def _refuse_choices(options: argparse.Namespace) -> None:
    """Refuse what is chosen once for a project where its next round is asked for."""
    usual = vars(parser(PROG).parse_args([options.images]))
    of_a_round = {"images", "budget", "audit", "images_moved_to"}
    for name, value in vars(options).items():
        if name not in of_a_round and value != usual[name]:
            raise LabelingError(
                f"--{name.replace('_', '-')} is chosen once, with the first round of a project, "
                f"and {options.images} has its choices (project.json); name another by --out"
            )


def _request(options: argparse.Namespace) -> Request:
    parameters = component_parameters(options.set, "encoder", "strategy")
    columns = {
        "path": options.path_column,
        "group": options.group,
        "label": options.label,
        "split": options.split,
    }
    return Request(
        options.images,
        columns,
        options.ids,
        options.features,
        options.group_pattern,
        _component("encoder", options.encoder, parameters, "pretrained"),
        _component("strategy", options.strategy, parameters, None),
        options.seed,
        options.per_group,
        tuple(name.strip() for name in options.classes.split(",") if name.strip()),
        options.multilabel,
    )


def _component(
    kind: str, name: str | None, parameters: dict[str, dict[str, Any]], default: str | None
) -> dict[str, Any] | None:
    if name is None and parameters[kind] and default is None:
        raise LabelingError(f"--set {kind}.{next(iter(parameters[kind]))}: name the {kind} too")
    name = name or default
    return None if name is None else {"name": name, **parameters[kind]}


def _moved(project: Project, place: str) -> Project:
    """Write down where the images of a project lie now.

    Raises:
        LabelingError: there is nothing, or none of the images that were looked for.
    """
    if not Path(place).expanduser().exists():
        raise LabelingError(f"there is nothing at {place}")
    source = project.settings.source
    more = {"columns": source.columns, "group_pattern": source.group_pattern}
    settings = replace(
        project.settings, source=describe_source(source.kind, place, project.root, **more)
    )
    check_place(Project(project.root, settings), place)
    with project.locked():
        write_settings(project.root / SETTINGS, settings)
    return Project.open(project.root)
