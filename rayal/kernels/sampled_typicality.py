"""The most typical of many rows: a sample says which may be, and all rows decide among these."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances, gemm_distances
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
    sample = rows[np.sort(rng.choice(members, SAMPLE, replace=False))]
    near = max(1, round(k * SAMPLE / len(members))) + 1  # one of them may be the row itself
    density = np.empty(len(members))
    for part in gemm_distances.chunks(len(members), BLOCK):
        squared = gemm_distances.squared_distances(rows[members[part]], sample)
        density[part] = np.partition(squared, near, axis=1)[:, :near].sum(axis=1)
    finalists = np.sort(np.argsort(density, kind="stable")[:FINALISTS])
    means = _mean_distances(rows, members, finalists, k)
    return int(finalists[np.argmin(means)])


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
