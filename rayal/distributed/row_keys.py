"""Random numbers that depend on a seed and a row's position alone, not on the shards.

SplitMix64 (Steele, Lea and Flood 2014): the position steps a counter, and mixing makes 64 bits of
it that pass BigCrush.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UInt64 = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def row_keys(seed: int, start: int, rows: int) -> UInt64:
    """Return a random whole number (n,) of 64 bits for each of n rows from `start` on.

    Different positions have different numbers: SplitMix64 is a permutation.

    Args:
        seed: 0 to 2^64 - 1.
        start: the first row's number in the pool.
        rows: n.
    """
    return keys_at(seed, np.arange(start, start + rows))


def keys_at(seed: int, positions: npt.NDArray[np.int64]) -> UInt64:
    """Return the number (n,) of 64 bits of each of the rows at some positions (n,)."""
    counters = positions.astype(np.uint64) + np.uint64(1)
    return _mixed(_mixed(np.array([seed], dtype=np.uint64)) + counters * _GOLDEN)


def row_uniforms(seed: int, start: int, rows: int) -> npt.NDArray[np.float64]:
    """Return a random number (n,) in [0, 1) for each of n rows from `start` on."""
    return np.asarray((row_keys(seed, start, rows) >> np.uint64(11)) * 2.0**-53)


def _mixed(x: UInt64) -> UInt64:
    x = (x ^ (x >> np.uint64(30))) * _MIX[0]
    x = (x ^ (x >> np.uint64(27))) * _MIX[1]
    return np.asarray(x ^ (x >> np.uint64(31)), dtype=np.uint64)
