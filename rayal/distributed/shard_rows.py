"""A shard's rows as float32, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from rayal.kernels.row_blocks import RowBlocks
from rayal.storage.arrays import map_array
from rayal.storage.files import DamagedError
from rayal.storage.shard_folders import FEATURES, PROBS, SCORES, way_out
from rayal.storage.shard_set import Shard, ShardSet

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
T = TypeVar("T")

BLOCK_ROWS = 8192


class ShardRows:
    """The rows of one shard.

    start: the number of its first row in the pool. rows, dims: n and D. streamed: read each block
    from the file, so that memory holds no more than the blocks at work; else they are mapped.
    unit: scale rows to unit length (rows of zeros stay as they are).
    """

    def __init__(
        self, shards: ShardSet, shard: Shard, *, streamed: bool = False, unit: bool = False
    ) -> None:
        self.start, self.rows, self.dims = shard.start, shard.rows, shards.dims
        self._shards, self._folder = shards, shards.folder(shard)
        self._features = _Matrix(self._folder / FEATURES, streamed)
        if self._features.shape != (shard.rows, shards.dims):
            raise DamagedError(
                f"{self._folder / FEATURES} has the shape {self._features.shape}, and the shards "
                f"are said to have {(shard.rows, shards.dims)}: {way_out(shards.root)}"
            )
        self._unit, self._streamed = unit, streamed

    def block(self, rows: slice) -> Float32:
        """Return some rows (n, D), C-contiguous; not to be written to."""
        return self._prepared(self._features.block(rows))

    def at(self, positions: Int64) -> Float32:
        """Return rows (n, D) by their numbers in the pool."""
        return self._prepared(self._features.at(positions - self.start))

    def each(self, step: Callable[[slice, Float32], T]) -> list[T]:
        """Return step(rows, block) of every block, in their order."""
        with RowBlocks(self.rows, self.dims) as blocks:
            return blocks.each(lambda rows: step(rows, self.block(rows)))

    def in_turn(self, size: int = BLOCK_ROWS) -> Iterator[tuple[slice, Float32]]:
        """Give blocks one after another, for work that uses all threads on each."""
        for start in range(0, self.rows, size):
            rows = slice(start, min(start + size, self.rows))
            yield rows, self.block(rows)

    @cached_property
    def probs(self) -> Float32:
        """Probabilities (n, C), mapped."""
        return self._mapped(PROBS, (self.rows, self._shards.classes))

    @cached_property
    def scores(self) -> npt.NDArray[Any]:
        """Scores (n,), mapped."""
        return self._mapped(SCORES, (self.rows,))

    def _mapped(self, file: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return what lies beside the features, as the manifest says that it does."""
        path = self._folder / file
        array = map_array(path) if path.exists() else None
        if array is None or array.shape != shape:
            has = "is missing" if array is None else f"has the shape {array.shape}"
            raise DamagedError(
                f"{path} {has}, and the shards are said to have {shape}: "
                f"{way_out(self._shards.root)}"
            )
        return array

    def _prepared(self, stored: npt.NDArray[Any]) -> Float32:
        rows = np.ascontiguousarray(stored, dtype=np.float32)
        if self._unit:
            rows = rows.copy() if np.may_share_memory(rows, stored) else rows
            faiss.normalize_L2(rows)
        return rows


def rows_at(shards: ShardSet, positions: Int64, *, unit: bool = False) -> Float32:
    """Return rows (n, D) of any shards by their numbers in the pool, in the order asked for."""
    rows = np.empty((len(positions), shards.dims), dtype=np.float32)
    for shard, places in by_shard(shards, positions):
        rows[places] = ShardRows(shards, shard, unit=unit).at(positions[places])
    return rows


def by_shard(shards: ShardSet, positions: Int64) -> Sequence[tuple[Shard, Int64]]:
    """Return each shard that holds some of the positions (n,), and which of these: places."""
    ends = np.array([shard.start + shard.rows for shard in shards.shards])
    owner = np.searchsorted(ends, positions, side="right")
    return [(shards.shards[s], np.flatnonzero(owner == s)) for s in np.unique(owner)]


class _Matrix:
    """An .npy of rows: mapped, or read."""

    def __init__(self, path: Path, streamed: bool) -> None:
        self._path, self._streamed = path, streamed
        self._mapped = map_array(path)
        self.shape = self._mapped.shape
        self._offset = int(getattr(self._mapped, "offset", 0))

    def block(self, rows: slice) -> npt.NDArray[Any]:
        if not self._streamed:
            return self._mapped[rows]
        width, dtype = self._mapped.shape[1], self._mapped.dtype
        first, count = rows.start, min(rows.stop, len(self._mapped)) - rows.start
        at = self._offset + first * width * dtype.itemsize
        read = np.fromfile(self._path, dtype, count * width, offset=at)
        return read.reshape(count, width)

    def at(self, rows: Int64) -> npt.NDArray[Any]:
        if not self._streamed:
            return np.asarray(self._mapped[rows])
        order = np.argsort(rows, kind="stable")
        copied = np.empty((len(rows), self._mapped.shape[1]), self._mapped.dtype)
        for group in _runs(rows[order]):
            block = self.block(
                slice(int(rows[order[group.start]]), int(rows[order[group.stop - 1]]) + 1)
            )
            copied[order[group]] = block[rows[order[group]] - rows[order[group.start]]]
        return copied


def _runs(ascending: Int64, gap: int = 16) -> list[slice]:
    """Cut ascending positions where more than `gap` rows lie between two: each run is one read."""
    ends = np.flatnonzero(np.diff(ascending) > gap) + 1
    return [
        slice(int(a), int(b))
        for a, b in zip([0, *ends], [*ends, len(ascending)], strict=True)
        if b > a
    ]
