"""Rows of a pool in shards as one sequence: their ids, and their features a shard at a time.

Unlike `ShardSet.ids` and `ShardSet.folder`, ids are read without the features beside them: a
process that needs names alone fetches no matrix from an object store.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from rayal.storage.arrays import map_array
from rayal.storage.files import DamagedError, files_of
from rayal.storage.location import Location
from rayal.storage.shard_folders import FEATURES, ROWS, way_out
from rayal.storage.shard_set import Shard, ShardSet


class ShardIds(Sequence[str]):
    """The ids (N,) of all rows, read a shard at a time; light to send to another process."""

    def __init__(self, shards: ShardSet) -> None:
        self._shards = shards

    def __len__(self) -> int:
        return self._shards.rows

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        starts = [shard.start for shard in self._shards.shards]
        shard = self._shards.shards[int(np.searchsorted(starts, row, side="right")) - 1]
        return str(_column(self._shards.root, shard)[row - shard.start])

    def __iter__(self) -> Iterator[str]:
        for column in self.columns():
            yield from map(str, column.to_pylist())

    def columns(self) -> Iterator[Any]:
        """Yield the ids of each shard as a column of Arrow.

        Raises:
            DamagedError: a shard has other rows than the manifest says.
        """
        return (_column(self._shards.root, shard) for shard in self._shards.shards)


def feature_parts(shards: ShardSet) -> Iterator[npt.NDArray[np.floating[Any]]]:
    """Yield the features (n, D) of each shard, memory-mapped and held against their hashes.

    Raises:
        DamagedError: they are not those that were written.
    """
    for shard in shards.shards:
        yield map_features(shards, shard)


def map_features(shards: ShardSet, shard: Shard) -> npt.NDArray[np.floating[Any]]:
    """Map the features (n, D) of one shard, held against their hash; errors as `feature_parts`."""
    return map_array(shards.folder(shard) / FEATURES)


@lru_cache(maxsize=2)
def _column(root: Location, shard: Shard) -> Any:
    import pyarrow.parquet as pq

    place = root / shard.name / ROWS
    try:
        content = files_of(place).read(place)
        column = pq.read_table(io.BytesIO(content), columns=["id"])["id"]
    except (FileNotFoundError, OSError, ValueError, KeyError) as error:
        raise DamagedError(f"{place} cannot be read ({error}): {way_out(root)}") from error
    if len(column) != shard.rows:
        raise DamagedError(
            f"{place} has {len(column)} ids, and shards.json says {shard.rows}: {way_out(root)}"
        )
    return column.combine_chunks()
