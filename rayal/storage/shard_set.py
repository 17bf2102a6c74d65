"""Shards: a pool's features in folders of some rows each, on a disk or in an object store.

    PLACE/shard-00000/    features.npy (n, D) float16 or float32; rows.parquet with a column `id`;
                          probs.npy (n, C) and scores.npy (n,) where there are any; left_out.json,
                          what was to be rows and is none, and why; whole.json, the sizes and hashes
                          of the others
    PLACE/shards.json     rows, dimensions, type and content of every shard; written last

A row's number in the pool counts through the shards in their order. `rayal.storage.shards` writes
them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from rayal.storage import manifest
from rayal.storage.files import DamagedError, StoreError, files_of
from rayal.storage.location import Location, parse_location
from rayal.storage.shard_batches import DTYPES
from rayal.storage.shard_folders import ROWS, way_out

MANIFEST = "shards.json"
FORMAT = 1


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
            content = content_of(folder) if folder.is_dir() else ""
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
        return ids_in(self.folder(shard))


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


def ids_in(folder: Path) -> list[str]:
    """Return the ids (n,) of the rows in a shard's folder."""
    import pyarrow.parquet as pq

    column = pq.read_table(folder / ROWS, columns=["id"])["id"]
    return [str(value) for value in column.to_pylist()]


def content_of(folder: Path) -> str:
    """Return the hash of what a shard holds, from its manifest: on a disk that lies in the folder.

    A copy from an object store has none, and was held against the one there.
    """
    kept = folder / manifest.NAME
    text = kept.read_bytes() if kept.exists() else manifest.of_folder(folder)
    fingerprints = sorted(manifest.files_in(text).items())
    return hashlib.sha256(json.dumps(fingerprints).encode()).hexdigest()
