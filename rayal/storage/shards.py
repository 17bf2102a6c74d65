"""Writing a pool's features as shards, as `rayal.storage.shard_set` describes them.

A shard appears complete or not at all, so that what writes them goes on where it was interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rayal.storage.arrays import map_array, write_array
from rayal.storage.files import Files, StoreError, files_of
from rayal.storage.location import Location, parse_location
from rayal.storage.repeated_ids import SeenIds
from rayal.storage.shard_batches import Batch as Batch
from rayal.storage.shard_batches import Dtype as Dtype
from rayal.storage.shard_batches import checked_features, checked_scores, cut
from rayal.storage.shard_folders import (
    FEATURES,
    LEFT_OUT,
    PROBS,
    ROWS,
    SCORES,
    LeftOut,
    remove_shards,
    shard_name,
)
from rayal.storage.shard_set import (
    FORMAT,
    MANIFEST,
    ShardSet,
    content_of,
    ids_in,
    is_shard_set,
    read_shard_set,
)

ONE_ID = "give each row an id of its own"
ROWS_PER_SHARD = 65_536


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


def _write_ids(path: Path, ids: Sequence[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": pa.array([str(i) for i in ids], pa.string())}), path)


def _ids(files: Files, place: Location) -> list[str]:
    return ids_in(files.local_copy(place))


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
        "content": content_of(folder),
    }
