"""Shards: a pool's features in folders of some rows each, on a disk or in an object store.

    PLACE/shard-00000/    features.npy (n, D) float16 or float32; rows.parquet with a column `id`;
                          probs.npy (n, C) and scores.npy (n,) where there are any; left_out.json,
                          what was to be rows and is none, and why; whole.json, the sizes and hashes
                          of the others
    PLACE/shards.json     rows, dimensions, type and content of every shard; written last

A row's number in the pool counts through the shards in their order. A shard appears complete or not
at all, so that what writes them goes on where it was interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from rayal.storage import manifest
from rayal.storage.arrays import map_array, write_array
from rayal.storage.files import DamagedError, Files, StoreError, files_of
from rayal.storage.location import Location, parse_location
from rayal.storage.repeated_ids import SeenIds
from rayal.storage.shard_batches import DTYPES, checked_features, checked_scores, cut
from rayal.storage.shard_batches import Batch as Batch
from rayal.storage.shard_batches import Dtype as Dtype
from rayal.storage.shard_folders import (
    FEATURES,
    LEFT_OUT,
    PROBS,
    ROWS,
    SCORES,
    LeftOut,
    remove_shards,
    shard_name,
    way_out,
)

MANIFEST = "shards.json"
FORMAT = 1
ONE_ID = "give each row an id of its own"
ROWS_PER_SHARD = 65_536


@dataclass(frozen=True)
class Shard:
    """One of the shards: its folder's name, its rows, its first row's number and its content."""

    name: str
    rows: int
    start: int
    content: str


@dataclass(frozen=True)
class ShardSet:
    """What shards.json says of a pool of N rows.

    dims: D. dtype: of the features. classes: C of the probabilities, 0 where there are none.
    has_scores: whether every row has a score. about: how the features were made.
    """

    root: Location
    dims: int
    dtype: str
    shards: tuple[Shard, ...]
    classes: int = 0
    has_scores: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def content(self) -> str:
        """Return a hash of all rows in their order; that of other shards of them is another."""
        return hashlib.sha256("".join(shard.content for shard in self.shards).encode()).hexdigest()

    def folder(self, shard: Shard) -> Path:
        """Return a shard's folder on this machine's disk, its files as they were written.

        Raises:
            DamagedError: they are not, or the shard is another than the one written down.
            StoreError: it cannot be read.
        """
        place = self.root / shard.name
        try:
            folder = files_of(self.root).local_copy(place)
            content = _content(folder) if folder.is_dir() else ""
        except FileNotFoundError:
            content = ""
        except DamagedError as error:
            fault = error.fault or str(error)
            message = f"{place} is damaged ({fault}): {way_out(self.root)}"
            raise DamagedError(message, fault) from error
        if not content:
            mended = way_out(self.root, is_there=False)
            raise DamagedError(f"{place} is missing, and {MANIFEST} names it: {mended}", "missing")
        if content != shard.content:
            raise DamagedError(
                f"{place} is another shard than {MANIFEST} names: {way_out(self.root)}"
            )
        return folder

    def ids(self, shard: Shard) -> list[str]:
        """Return the ids (n,) of a shard's rows."""
        return _ids_in(self.folder(shard))


def is_shard_set(location: str | Location) -> bool:
    """Whether there are shards at a place, all of them written."""
    place = parse_location(location)
    return files_of(place).exists(place / MANIFEST)


def read_shard_set(location: str | Location) -> ShardSet:
    """Read what is at a place.

    Raises:
        StoreError: nothing is there, or what is there was not written to its end.
        DamagedError: shards.json is damaged, or of a later version.
    """
    place = parse_location(location)
    try:
        content = files_of(place).read(place / MANIFEST)
    except FileNotFoundError as error:
        raise StoreError(
            f"{place} has no {MANIFEST}: there are no shards of features, or they are not all "
            "written; run what writes them again"
        ) from error
    try:
        return _parsed(place, json.loads(content))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DamagedError(f"{place / MANIFEST} cannot be read: {error}") from error


def write_shards(
    location: str | Location,
    batches: Iterable[Batch],
    *,
    dtype: Dtype = "float32",
    rows_per_shard: int = ROWS_PER_SHARD,
    about: Mapping[str, Any] | None = None,
) -> ShardSet:
    """Write rows, cut into shards of equal size, and return what was written.

    Args:
        location: a folder or an address in an object store.
        batches: rows in their order, of any sizes; memory is that of one shard and a batch, and
            16 bytes a row by which ids are told apart.
        dtype: of the features on the disk; float16 takes half the room.
        rows_per_shard: of all shards but the last.
        about: how the features were made.

    Raises:
        ValueError: no row, numbers that are not finite or do not fit dtype, probabilities that are
            none, batches that do not fit together, an id of several rows.
        StoreError: there are shards already, or other files in a shard's place, or another process
            writes there, or nothing can be written.
    """
    place = parse_location(location)
    with files_of(place).lock(place, ()):
        if is_shard_set(place):
            raise StoreError(f"{place} holds shards already; name another place, or remove them")
        remove_shards(place)
        return _written(place, batches, dtype, rows_per_shard, about or {})


def _written(
    place: Location,
    batches: Iterable[Batch],
    dtype: Dtype,
    rows_per_shard: int,
    about: Mapping[str, Any],
) -> ShardSet:
    written, seen = [], SeenIds()
    for number, batch in enumerate(cut(batches, rows_per_shard)):
        written.append(write_shard(place, number, batch, dtype))
        seen.add(batch.ids)
    if repeated := seen.repeated(lambda number: _ids(files_of(place), place / written[number])):
        name, *numbers = repeated
        first, other = (written[number] for number in numbers)
        raise ValueError(f"the id {name!r} stands in {first} and in {other}; {ONE_ID}")
    return write_manifest(place, written, about)


def write_shard(
    root: Location,
    number: int,
    batch: Batch,
    dtype: Dtype = "float32",
    left_out: LeftOut | None = None,
) -> str:
    """Write one shard and return its name; one of that number stays as it is.

    Args:
        root: of the shards.
        number: of this one.
        batch: its rows, at least one.
        dtype: of the features.
        left_out: what was to be a row and is none, and why.

    Raises:
        ValueError: as `write_shards`.
    """
    name = shard_name(number)
    features = checked_features(batch, dtype, name)
    with files_of(root).create_dir_atomic(root / name) as folder:
        write_array(folder / FEATURES, features)
        _write_ids(folder / ROWS, batch.ids)
        if batch.probs is not None:
            write_array(folder / PROBS, np.ascontiguousarray(batch.probs, dtype=np.float32))
        if batch.scores is not None:
            write_array(folder / SCORES, checked_scores(batch.scores))
        if left_out:
            (folder / LEFT_OUT).write_text(json.dumps(left_out), encoding="utf-8")
    return name


def write_manifest(root: Location, names: Sequence[str], about: Mapping[str, Any]) -> ShardSet:
    """Write down the shards, in their order, which makes them a pool; those without rows are none.

    Raises:
        ValueError: there is none, or they do not fit together.
    """
    files = files_of(root)
    facts = [fact for name in names if (fact := _facts(files, root, name))]
    if not facts:
        raise ValueError("there are no rows: a pool has at least one")
    for key in ("dims", "dtype", "classes", "has_scores"):
        if len({str(each[key]) for each in facts}) > 1:
            first, other = facts[0], next(each for each in facts if each[key] != facts[0][key])
            raise ValueError(
                f"{other['name']} has {key} {other[key]}, and {first['name']} has {first[key]}"
            )
    shared = {key: facts[0][key] for key in ("dims", "dtype", "classes", "has_scores")}
    shards = [{key: each[key] for key in ("name", "rows", "content")} for each in facts]
    described = {
        "format": FORMAT,
        "rows": sum(each["rows"] for each in facts),
        **shared,
        "about": dict(about),
        "shards": shards,
    }
    files.write(root / MANIFEST, json.dumps(described, indent=1).encode())
    return read_shard_set(root)


def _parsed(place: Location, content: Mapping[str, Any]) -> ShardSet:
    if content["format"] > FORMAT:
        raise ValueError(
            f"it is of format {content['format']}, and this rayal reads up to {FORMAT}"
        )
    rows = [int(each["rows"]) for each in content["shards"]]
    starts = accumulate(rows, initial=0)
    shards = tuple(
        Shard(str(each["name"]), n, start, str(each["content"]))
        for each, n, start in zip(content["shards"], rows, starts, strict=False)
    )
    if content["dtype"] not in DTYPES or not shards or sum(rows) != content["rows"]:
        raise ValueError("its numbers of rows or its type do not fit")
    classes, scores = int(content["classes"]), bool(content["has_scores"])
    if classes < 0:
        raise ValueError(f"its number of classes is {classes}")
    return ShardSet(
        place,
        int(content["dims"]),
        content["dtype"],
        shards,
        classes,
        scores,
        dict(content["about"]),
    )


def _write_ids(path: Path, ids: Sequence[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": pa.array([str(i) for i in ids], pa.string())}), path)


def _ids(files: Files, place: Location) -> list[str]:
    return _ids_in(files.local_copy(place))


def _ids_in(folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    column = pq.read_table(folder / ROWS, columns=["id"])["id"]
    return [str(value) for value in column.to_pylist()]


def _facts(files: Files, root: Location, name: str) -> dict[str, Any]:
    """Return what shards.json says of a shard; nothing of one without rows."""
    folder = files.local_copy(root / name)
    if not (folder / FEATURES).exists():
        return {}
    features = map_array(folder / FEATURES)
    probs = folder / PROBS
    return {
        "name": name,
        "rows": len(features),
        "dims": features.shape[1],
        "dtype": features.dtype.name,
        "classes": map_array(probs).shape[1] if probs.exists() else 0,
        "has_scores": (folder / SCORES).exists(),
        "content": _content(folder),
    }


def _content(folder: Path) -> str:
    """Return the hash of what a shard holds, from its manifest: on a disk that lies in the folder.

    A copy from an object store has none, and was held against the one there.
    """
    kept = folder / manifest.NAME
    text = kept.read_bytes() if kept.exists() else manifest.of_folder(folder)
    fingerprints = sorted(manifest.files_in(text).items())
    return hashlib.sha256(json.dumps(fingerprints).encode()).hexdigest()
