"""The most typical of many rows: a sample says which may be, and all rows decide among these."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances, gemm_distances
from rayal.kernels.common_part import large_common_part, without
from rayal.kernels.rows import Rows
from rayal.kernels.typicality import MeanBounds

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

EXACT = 4096  # rows among which all pairs are looked at
SAMPLE = 2048  # rows to which distances are taken at first
BLOCK = 256  # rows to which distances are taken at once
FINALISTS = 128  # rows with the smallest of these, to which all distances are taken


def nearly_most_typical(
    rows: Rows,
    members: Int64,
    k: int,
    rng: np.random.Generator,
    bounds: MeanBounds | None = None,
) -> int:
    """Return which of the members has the smallest mean distance to its k nearest others.

    Exact up to 4,096 members. Beyond, of n members the 128 that are nearest to their part of k
    in a sample of 2,048 are compared exactly: O(n D) in place of O(n^2 D).

    Args:
        rows: (N, D).
        members: (n,) positions, n > k.
        k: at least 1.
        rng: draws the sample.
        bounds: of the N rows, used and brought on where the answer is exact.

    Returns:
        The place among the members, from 0.
    """
    if len(members) <= EXACT:
        bounds = bounds or MeanBounds(len(rows))
        return bounds.most_typical(rows[members], members, k)
    finalists = _finalists(rows, members, k, np.sort(rng.choice(len(members), SAMPLE, False)))
    means = _mean_distances(rows, members, finalists, k)
    return int(finalists[np.argmin(means)])


def _finalists(rows: Rows, members: Int64, k: int, drawn: Int64) -> Int64:
    """Return the places, ascending, of the members nearest to their part of k in a sample.

    drawn: ascending places of the sample among the members. A row of it is no neighbor of its own:
    counted as one, it would go before nearly all others.
    """
    sample = rows[members[drawn]]
    common = large_common_part(sample)
    sample = without(sample, common)
    near = max(1, round(k * len(drawn) / len(members)))
    density = np.empty(len(members))
    for part in gemm_distances.chunks(len(members), BLOCK):
        points = without(rows[members[part]], common)
        squared = gemm_distances.squared_distances(points, sample)
        own = np.arange(*np.searchsorted(drawn, [part.start, part.stop]))
        squared[drawn[own] - part.start, own] = np.inf
        density[part] = np.partition(squared, near - 1, axis=1)[:, :near].sum(axis=1)
    return np.sort(np.argsort(density, kind="stable")[:FINALISTS])


def _mean_distances(rows: Rows, members: Int64, places: Int64, k: int) -> Float64:
    """Return the mean distance (n,) of some members to their k nearest others."""
    nearest = np.full((len(places), k), np.inf, dtype=np.float32)
    for part in gemm_distances.chunks(len(members)):
        points = rows[members[part]]
        for at, place in enumerate(places):
            away = distances.to_one_center(points, rows[members[place : place + 1]][0])
            if part.start <= place < part.stop:
                away[place - part.start] = np.inf
            both = np.concatenate([nearest[at], away])
            nearest[at] = np.partition(both, k - 1)[:k]
    return np.asarray(np.sqrt(np.sort(nearest, axis=1).astype(np.float64)).mean(axis=1))
