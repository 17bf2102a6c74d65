"""The folders of shards by their names, and what was left out of each."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TypeAlias

from rayal.storage import manifest
from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Location

FEATURES, ROWS, PROBS, SCORES = "features.npy", "rows.parquet", "probs.npy", "scores.npy"
LEFT_OUT = "left_out.json"
JOB = "encoding.json"  # at the place of shards that `rayal encode` makes
_OF_A_SHARD = {FEATURES, ROWS, PROBS, SCORES, LEFT_OUT, manifest.NAME}
_SHARD_NAME = re.compile(r"shard-\d{5,}")
LeftOut: TypeAlias = list[tuple[str, str]]  # what, and why


def shard_name(number: int) -> str:
    """Return the name of a shard's folder."""
    return f"shard-{number:05}"


def names_there(root: Location) -> list[str]:
    """Return the names of the folders that are named as shards are, in their order."""
    return [name for name in sorted(files_of(root).list_dir(root)) if _SHARD_NAME.fullmatch(name)]


def are_begun(root: Location) -> bool:
    """Whether shards are, or were, being written at a place: one is there, or what is encoded."""
    files = files_of(root)
    if files.exists(root / JOB):
        return True
    held = (files.list_dir(root / name) for name in names_there(root))
    return any(names and names <= _OF_A_SHARD for names in held)


def way_out(root: Location, is_there: bool = True) -> str:
    """Say what mends a shard that is damaged, or missing."""
    if files_of(root).exists(root / JOB):
        removing = "remove its folder, and " if is_there else ""
        return f"{removing}run the `rayal encode ... --shards {root}` that made it again"
    return "write the shards again where they came from, such as by write_shards"


def remove_shards(root: Location) -> None:
    """Remove shards that no shards.json names, such as an interrupted process leaves.

    Raises:
        StoreError: a folder with a shard's name has other files in it; nothing is removed then.
    """
    files = files_of(root)
    names = names_there(root)
    for name in names:
        if others := sorted(files.list_dir(root / name) - _OF_A_SHARD):
            raise StoreError(
                f"{root / name} has the name of a shard and holds other files, such as {others[0]};"
                " name another place"
            )
    for name in names:
        files.remove_dir(root / name)


def write_left_out(root: Location, number: int, left_out: LeftOut) -> str:
    """Write a shard without a row, of which all was left out; return its name."""
    name = shard_name(number)
    with files_of(root).create_dir_atomic(root / name) as folder:
        (folder / LEFT_OUT).write_text(json.dumps(left_out), encoding="utf-8")
    return name


def read_left_out(root: Location, name: str) -> LeftOut:
    """Return what of a shard was left out."""
    path = files_of(root).local_copy(root / name) / LEFT_OUT
    return _pairs(path.read_bytes()) if path.exists() else []


def read_left_out_of_all(root: Location) -> LeftOut:
    """Return what was left out of all shards that are there; no features are fetched for it."""
    files = files_of(root)
    left_out: LeftOut = []
    for name in names_there(root):
        with contextlib.suppress(FileNotFoundError):
            left_out += _pairs(files.read(root / name / LEFT_OUT))
    return left_out


def _pairs(content: bytes) -> LeftOut:
    return [(str(what), str(why)) for what, why in json.loads(content)]
