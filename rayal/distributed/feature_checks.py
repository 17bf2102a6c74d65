"""Features of a pool in shards by which nothing can be chosen, refused as on one machine.

`rayal.feature_ties` and `rayal.array_input` are the twins there. A pool is read only until it is
known to be fit, mostly one block; rows too large for 32 bits are refused where shards are written.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import faiss
import numpy as np
import numpy.typing as npt

from rayal.distributed.shard_rows import ShardRows, rows_at
from rayal.feature_ties import ANGLE
from rayal.kernels.unique_rows import distinct_rows
from rayal.kernels.validation import SMALLEST, misfit_of_squares
from rayal.storage.shard_set import ShardSet

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


def check_features(strategy: str, shards: ShardSet, *, unit: bool) -> None:
    """Refuse features (N, D) that are the same in all rows, or leave 32 bits when squared.

    unit: whether the strategy sees rows scaled to unit length.

    Raises:
        ValueError: which.
    """
    if shards.rows < 2:
        return
    first = rows_at(shards, np.array([0]))
    size, differ, turn = 0.0, False, not unit
    for block in _blocks(shards):
        size = max(size, _size_of(block, shards))
        differ = differ or bool((block != first).any())
        turn = turn or bool(np.abs(_unit(block) - _unit(first)).max() >= ANGLE)
        if differ and turn and size >= SMALLEST:
            return
    _refuse(strategy, shards, size, differ)


def warn_of_equal_rows(strategy: str, shards: ShardSet, chosen: Int64) -> None:
    """Warn where chosen rows (B,) have equal features: no strategy tells these apart."""
    different = len(np.unique(distinct_rows(rows_at(shards, chosen))))
    if different < len(chosen):
        warnings.warn(
            f"{strategy}: features tell {different:,} of the {len(chosen):,} chosen rows apart, "
            "and the others are equal to one of these; ask for fewer, or leave copies out",
            stacklevel=2,
        )


def _blocks(shards: ShardSet) -> Iterator[Float32]:
    for shard in shards.shards:
        for _, block in ShardRows(shards, shard, streamed=True).in_turn():
            yield block


def _size_of(block: Float32, shards: ShardSet) -> float:
    size = float(max(block.max(), -block.min()))
    if misfit_of_squares(size, 2 * shards.dims) == "overflow":
        _refuse_size(shards, size, "overflow")
    return size


def _unit(rows: Float32) -> Float32:
    """Scale to unit length; `clustering.unit_rows` would refuse what is refused in words here."""
    rows = rows.copy()
    faiss.normalize_L2(rows)
    return rows


def _refuse_size(shards: ShardSet, size: float, misfit: str) -> None:
    raise ValueError(
        f"features of {shards.root} are as large as {size:.3g}, and squared distances between them "
        f"{misfit} in 32-bit floats: write them scaled, such as to unit variance"
    )


def _refuse(strategy: str, shards: ShardSet, size: float, differ: bool) -> None:
    if differ and size < SMALLEST:
        _refuse_size(shards, size, "vanish")
    scaled = " scaled to unit length" if differ else ""
    way = "subtract the mean of the features" if differ else "random needs none"
    raise ValueError(
        f"strategy '{strategy}' chooses by features{scaled}, and those of {shards.root} are the "
        f"same in all {shards.rows:,} rows: whatever it chose would be no choice; {way}"
    )
