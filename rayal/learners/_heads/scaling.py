"""Features brought to one scale before a linear head sees them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.contracts import Features

ROWS = 1024  # worked on at once: features may be a memory map larger than memory

Scale: TypeAlias = Callable[[Features], Features]
Statistic: TypeAlias = npt.NDArray[np.float64]
Statistics: TypeAlias = tuple[Statistic, Statistic]

_known: dict[int, tuple[weakref.ref[Features], Statistics]] = {}  # by id, while the array lives


def standardizer(pool: Features) -> Scale:
    """Return x -> (x - mean) / std by the statistics of a pool (N, D); constant features become 0.

    The statistics of a pool that nobody can write to are computed once while it lives.
    """
    mean, deviation = _remembered(pool) if _is_frozen(pool) else mean_and_deviation(pool)
    factor = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    shift, factor = mean.astype(np.float32), factor.astype(np.float32)
    return lambda features: np.asarray((features - shift) * factor, dtype=np.float32)


def mean_and_deviation(pool: Features) -> Statistics:
    """Return means and standard deviations (D,), both float64, in one pass over (N, D)."""
    first = pool[0].astype(np.float64)  # subtracted, so that a constant feature deviates by 0
    sums, squares = np.zeros_like(first), np.zeros_like(first)
    for rows in row_chunks(len(pool)):
        shifted = pool[rows] - first
        sums += shifted.sum(axis=0)
        squares += np.einsum("nd,nd->d", shifted, shifted)
    mean = sums / len(pool)
    return first + mean, np.sqrt(np.maximum(squares / len(pool) - mean**2, 0))


def row_chunks(count: int) -> Iterator[slice]:
    """Yield the rows of a large matrix in runs of ROWS."""
    return (slice(start, start + ROWS) for start in range(0, count, ROWS))


def _remembered(pool: Features) -> Statistics:
    known, statistics = _known.get(id(pool), (None, None))
    if known is not None and statistics is not None and known() is pool:
        return statistics
    statistics = mean_and_deviation(pool)
    _known[id(pool)] = weakref.ref(pool, _forget(id(pool))), statistics
    return statistics


def _forget(key: int) -> Callable[[weakref.ref[Features]], None]:
    def forget(gone: weakref.ref[Features]) -> None:
        if key in _known and _known[key][0] is gone:  # a later array may have the same id
            del _known[key]

    return forget


def _is_frozen(array: object) -> bool:
    """Whether neither the array nor any that it is a view of can be written to."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return True
