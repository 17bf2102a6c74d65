"""`rayal encode IMAGES --shards PLACE`: features of many files, for selection from shards."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from rayal.cli.component_parameters import component_parameters
from rayal.cli.place_options import check_place_options
from rayal.cli.printing import duration
from rayal.cli.terminal import DONE, print_line
from rayal.distributed.encoding import Done, encode_files
from rayal.distributed.encoding_job import EncodingJob
from rayal.distributed.executor import Executor
from rayal.distributed.image_source import list_objects
from rayal.distributed.local import LocalExecutor
from rayal.hints import counted
from rayal.labeling.assemble import DEFAULT_ENCODER
from rayal.labeling.errors import LabelingError
from rayal.labeling.scan import Scan, scan_folder, scan_list, scan_names
from rayal.labeling.tables import choose_columns, is_table, read_list
from rayal.storage.files import files_of
from rayal.storage.location import Address, Location, parse_location
from rayal.storage.shard_folders import LeftOut

SECONDS = 5.0  # between lines where the output is no terminal


def encode(
    options: argparse.Namespace,
    console: Console,
    check: Callable[[Sequence[str]], None] = lambda paths: None,
) -> int:
    """Encode the files of a folder or a list, or the objects at an address; say how far it is.

    Args:
        options: as given to `rayal encode`.
        console: to print on.
        check: given the paths before any is encoded; what it raises ends the command.

    Raises:
        ValueError, StoreError, ClusterError: as `encode_files`.
    """
    check_place_options(options)
    source, scan, versions = _scan(options.what, options.shards)
    paths = [image.path for image in scan.candidates]
    check(paths)
    name = options.encoder or DEFAULT_ENCODER
    params = component_parameters(options.set, "encoder")["encoder"]
    job = EncodingJob(
        str(source.resolve()), str(parse_location(options.shards).resolve()), name, params,
        options.side, options.dtype, options.files_per_shard,
    )  # fmt: skip
    progress = _Throughput(len(scan.candidates), lambda line: print_line(console, line))
    with _executor(options, progress.say) as executor:
        shards, unread = encode_files(executor, job, paths, progress.count, versions)
    if progress.changed:
        print_line(
            console,
            f"{progress.changed:,} of the shards that were there were made again: files of theirs "
            "have changed since",
        )
    left_out = [(image.path, image.reason) for image in scan.left_out] + unread
    table = parse_location(options.shards) / "left_out.csv"
    files_of(table).write(table, _table(left_out))
    print_line(
        console,
        f"{shards.rows:,} images in {len(shards.shards):,} shards of {shards.dims:,} features, "
        f"{counted(len(left_out), 'file')} left out{f' ({table})' if left_out else ''}",
    )
    print_line(console, f"Which to label first: rayal select {options.shards} --budget B")
    return DONE


def _scan(place: str, shards: str) -> tuple[Location, Scan, Mapping[str, str]]:
    """Return where files lie, which they are, and of objects what changes when one is put again."""
    source = parse_location(place)
    if isinstance(source, Address):
        written = f"{parse_location(shards)}/".removeprefix(f"{source}/")  # this is no image
        objects = list_objects(source)
        names = (name for name in objects if not name.startswith(written))
        return source, scan_names(names), objects
    what = source.expanduser()
    if what.is_dir():
        return what, _without(scan_folder(what), what, shards), {}
    if not what.is_file() or not is_table(what):
        raise LabelingError(
            f"{what} is neither a folder of images nor a list of them (CSV, Parquet, JSON lines), "
            "nor an address in an object store"
        )
    rows = read_list(what, choose_columns(what, {}))
    return what.parent, scan_list(what.parent, ((row.path, "") for row in rows)), {}


def _without(scan: Scan, root: Path, shards: str) -> Scan:
    """Leave the files at the shards' place out of a scan: what is written is no image."""
    place, root = parse_location(shards), root.resolve()
    if isinstance(place, Address) or root not in place.resolve().parents:
        return scan
    below = f"{place.resolve().relative_to(root).as_posix()}/"
    return Scan(
        [image for image in scan.candidates if not image.path.startswith(below)],
        [image for image in scan.left_out if not f"{image.path}/".startswith(below)],
    )


@contextlib.contextmanager
def _executor(options: argparse.Namespace, say: Callable[[str], None]) -> Iterator[Executor]:
    if options.address is None:
        yield LocalExecutor()
        return
    from rayal.distributed.on_ray.executor import ray_executor

    with ray_executor(options.address, say, options.workers, options.gpus) as executor:
        yield executor


class _Throughput:
    """Says how many images are done, how many a second, and how long the rest will take."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self.say, self._total = say, total
        self._started = self._said = time.monotonic()
        self._done = self._made = self._left_out = 0
        self.changed = 0  # shards

    def count(self, piece: Done) -> None:
        self._done += piece.files
        self._left_out += piece.left_out
        self.changed += piece.changed
        self._made += 0 if piece.was_there else piece.files
        now = time.monotonic()
        if now - self._said >= SECONDS or self._done == self._total:
            self._said = now
            self.say(self.line(now - self._started))

    def line(self, seconds: float) -> str:
        """Return the line after some seconds."""
        speed = self._made / max(seconds, 1e-9)
        left = f"{duration((self._total - self._done) / speed)} left" if speed else "none made"
        bad = f", {self._left_out:,} left out" if self._left_out else ""
        return f"{self._done:,} of {self._total:,} images, {speed:,.1f} a second, {left}{bad}"


def _table(left_out: LeftOut) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "reason"])
    writer.writerows(left_out)
    return text.getvalue().encode("utf-8", "backslashreplace")
