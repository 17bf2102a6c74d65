"""Features of many files, shard by shard: what is there outlives a kill, bad files are counted.

A piece of work is some files: they are read, brought to squares, embedded, and written as one shard
by whoever does the piece. What lies there is not made again, unless a file of it has another size
or time of change than it had. A worker has one piece in memory and one waiting, whatever the number
of files.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayal.contract_checks import check_embedding
from rayal.contracts import Dataset, Features, Split
from rayal.cpus import available_cpus
from rayal.distributed.encoding_job import EncodingJob, check_contents, completed, write_down
from rayal.distributed.executor import Executor
from rayal.distributed.image_source import read_each
from rayal.labeling.pictures import read_square
from rayal.registry import ENCODERS
from rayal.seeds import generator
from rayal.storage.files import files_of
from rayal.storage.location import parse_location
from rayal.storage.shard_folders import LeftOut, read_left_out, shard_name, write_left_out
from rayal.storage.shard_set import MANIFEST, ShardSet
from rayal.storage.shards import Batch, write_manifest, write_shard

STATE = ".files"  # beside a shard: of what files it was made
NOT_GIVEN = "it cannot be read: "  # how the reason begins where the disk did not give a file
CHANNELS = 3

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Piece:
    """The files of one shard, by paths relative to the source.

    versions: what changes with each of them, where they are objects; else none.
    """

    number: int
    paths: tuple[str, ...]
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """A piece that is done: files, those of them left out; was_there: whether it was before.

    changed: whether it was there, of files that have changed since, and was made again.
    """

    files: int
    left_out: int
    was_there: bool
    changed: bool = False


def encode_files(
    executor: Executor,
    job: EncodingJob,
    paths: Sequence[str],
    on_piece: Callable[[Done], None] = lambda done: None,
    versions: Mapping[str, str] | None = None,
) -> tuple[ShardSet, LeftOut]:
    """Write the features of files as shards, ids being their paths; return them and what is none.

    Args:
        executor: who does the work.
        job: what is encoded how.
        paths: relative to the source, in the order of the rows.
        on_piece: told of each piece that is done.
        versions: of objects, what changes when one is put again, by its path; files of a folder
            are asked for their size and time of change by who reads them.

    Raises:
        ValueError: no file, or none that can be read; an encoder that trains, or what it raises.
        StoreError: another job's shards are there, another process writes them, or nothing can be
            written.
    """
    check_encoder(job)
    if job.side < 1 or job.files_per_shard < 1:
        raise ValueError(
            f"side {job.side} and files a shard {job.files_per_shard}: at least 1 each"
        )
    if not paths:
        raise ValueError(f"there are no images in {job.source}")
    if len(set(paths)) < len(paths):
        twice = next(path for path, count in Counter(paths).items() if count > 1)
        raise ValueError(f"{twice} is named twice; a file is one row")
    root = parse_location(job.root)
    job = completed(job, paths)
    with files_of(root).lock(root, ()):
        files_of(root).remove_leftovers(root)
        write_down(root, job, paths)
        pieces = _pieces(paths, job.files_per_shard, versions or {})
        executor.map(encode_piece, pieces, job, on_result=on_piece)
        names = [shard_name(piece.number) for piece in pieces]
        left_out = [pair for name in names for pair in read_left_out(root, name)]
        if len(left_out) == len(paths):
            path, reason = left_out[0]
            raise ValueError(f"no image of {job.source} can be read: {path}: {reason}")
        about = {"encoder": {"name": job.encoder, **job.params}, "side": job.side}
        return write_manifest(root, names, about | {"left_out": len(left_out)}), left_out


def _pieces(paths: Sequence[str], size: int, versions: Mapping[str, str]) -> list[Piece]:
    parts = [tuple(paths[start : start + size]) for start in range(0, len(paths), size)]
    return [
        Piece(number, part, tuple(versions[path] for path in part) if versions else ())
        for number, part in enumerate(parts)
    ]


def check_encoder(job: EncodingJob) -> None:
    """Refuse an encoder that cannot run, or that is trained on all images at once.

    Raises:
        ValueError: which, and why.
    """
    component = ENCODERS.find(job.encoder)
    if component.is_trained_on_images:
        raise ValueError(
            f"encoder '{job.encoder}' trains on all images at once, and cannot encode them in "
            "pieces; train it on some (`rayal encode`), and give its weights to `checkpoint`"
        )
    try:
        component.traits.check(component.bind(job.params), 1)
    except (OSError, ModuleNotFoundError) as error:
        raise ValueError(f"encoder '{job.encoder}': {error}") from error


def encode_piece(piece: Piece, job: EncodingJob) -> Done:
    """Make one shard, unless it is there."""
    root, name = parse_location(job.root), shard_name(piece.number)
    files, state = files_of(root), _state(job, piece)
    state_file = root / f"{name}{STATE}"
    is_there = files.is_complete(root / name)
    if is_there and not files.exists(state_file):  # it was made before they were noted
        files.write(state_file, state)
    if is_there and files.read(state_file) == state:
        left_out = read_left_out(root, name)
        if not _can_be_read_now(job, left_out):
            return Done(len(piece.paths), len(left_out), True)
    files.remove(root / MANIFEST)  # which describes the shard as it was
    if is_there:
        files.remove_dir(root / name)
    files.write(state_file, state)
    pixels, ids, left_out = _read(piece, job)
    if ids:
        features = _features(job, pixels)
        check_contents(job)
        write_shard(root, piece.number, Batch(ids, features), job.dtype, left_out)
    else:
        write_left_out(root, piece.number, left_out)
    return Done(len(piece.paths), len(left_out), False, changed=is_there)


def _can_be_read_now(job: EncodingJob, left_out: LeftOut) -> bool:
    """Whether a file that the disk did not give, so that it was left out, is given now."""
    source = parse_location(job.source)
    return isinstance(source, Path) and any(
        _is_given(source / path) for path, reason in left_out if reason.startswith(NOT_GIVEN)
    )


def _is_given(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def _state(job: EncodingJob, piece: Piece) -> bytes:
    """Return a hash of the names of a piece's files and of what changes with them."""
    state = hashlib.sha256()
    versions = piece.versions or [_version(Path(job.source) / path) for path in piece.paths]
    for path, version in zip(piece.paths, versions, strict=True):
        state.update(f"{path}\0{version}\0".encode("utf-8", "surrogateescape"))
    return state.hexdigest().encode()


def _version(path: Path) -> str:
    """Return size, time of change and time of replacement (ctime) of a file.

    Nothing of one that cannot be read.
    """
    try:
        status = path.stat()
    except OSError:  # it is left out
        return ""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _read(piece: Piece, job: EncodingJob) -> tuple[Bytes, list[str], LeftOut]:
    """Return pixels (n, side, side, 3) of the files that can be read, their paths, and the rest."""
    pixels = np.empty((len(piece.paths), job.side, job.side, CHANNELS), dtype=np.uint8)

    def read(row: int, path: Path) -> str:
        try:
            pixels[row] = read_square(path, job.side, CHANNELS)
        except OSError as error:
            return f"{NOT_GIVEN}{(error.strerror or str(error)).lower()}"
        except ValueError as error:
            return str(error)
        return ""

    reasons = read_each(job.source, piece.paths, read, _threads())
    good = [row for row, reason in enumerate(reasons) if not reason]
    pairs = zip(piece.paths, reasons, strict=True)
    left_out = [(path, reason) for path, reason in pairs if reason]
    kept = pixels if len(good) == len(pixels) else pixels[good]
    return kept, [piece.paths[row] for row in good], left_out


def _features(job: EncodingJob, pixels: Bytes) -> Features:
    """Return the features (n, D) of images (n, side, side, 3)."""
    component = ENCODERS.find(job.encoder)
    labels = np.zeros(len(pixels), dtype=np.int64)
    data = Dataset("images", ("unknown",), Split(pixels, labels), Split(pixels[:1], labels[:1]))
    rng = generator("shards encoder", job.encoder)  # of each piece the same: the same network
    params = component.arguments(dict(job.params))
    embedding = component.function(data, rng, lambda report: None, **params)
    check_embedding(job.encoder, embedding, data)
    features: Features = embedding.train
    return features


def _threads() -> int:
    """Return the CPUs that this process has: those that Ray gave it, or the machine's."""
    setting = os.environ.get("OMP_NUM_THREADS", "")
    if setting.isdigit() and int(setting):
        return int(setting)
    return available_cpus()
