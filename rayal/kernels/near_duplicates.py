"""Near-identical rows, of which one stands for all.

Where images come in bundles (slices of one scan, frames of one video), density asks for the
bundles. So bundles are collapsed first: a row with neighbors stands for them, the one with the most
neighbors first (as in SemDeDup, Abbas et al. 2023, without its clusters).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.kernels.cells import part_into_cells
from rayal.kernels.gemm_distances import UNIT_ROUNDOFF, chunks
from rayal.kernels.rows import Rows

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ROWS, COLUMNS = 256, 8192  # of products held at once
CELL = 4096  # rows of a cell, on average
SEED = 22  # any: the same rows have the same cells, whoever asks


def representatives(features: Float32, threshold: float) -> Int64:
    """Return for each row (N,) the position of the one that stands for it.

    Neighbors are rows with a cosine of at least the threshold. Rows take turns by the number of
    their neighbors, equal ones by position; one that nothing stands for yet stands for itself and
    for all its neighbors that nothing stands for. Cosines come from matrix products in float32; the
    doubtful ones are computed again in float64, so that threads change nothing. O(N^2 D) time at
    most, O(N + D) memory beyond the features.

    Args:
        features: (N, D) of unit length; rows of zeros have no neighbors.
        threshold: above 0, below 1.

    Raises:
        ValueError: a threshold out of bounds.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"the cosine must be above 0 and below 1, but is {threshold:g}; try 0.98")
    neighbors = _neighbor_counts(features, threshold)
    standing = np.arange(len(features))
    taken = neighbors == 0
    turns = np.lexsort((standing, -neighbors))
    turns = turns[neighbors[turns] > 0]
    while len(turns):
        batch, turns = turns[:ROWS], turns[ROWS:]
        left = np.flatnonzero(~taken)
        near = _near(features, batch, left, threshold)
        for row, is_near in zip(batch, near, strict=True):
            if not taken[row]:
                covered = left[is_near]
                covered = covered[~taken[covered]]
                standing[covered] = row
                taken[covered] = taken[row] = True
        turns = turns[~taken[turns]]
    return standing


def representatives_in_cells(rows: Rows, threshold: float) -> Int64:
    """Return what `representatives` does, of rows parted into cells of about 4,096 near ones.

    Near-identical rows on two sides of a border are not collapsed; there are few, for cells are
    clusters. O(N 4096 D) time.

    Args:
        rows: (N, D) of unit length.
        threshold: above 0, below 1.
    """
    standing = np.arange(len(rows))
    for members in part_into_cells(rows, np.random.default_rng(SEED), CELL).members:
        standing[members] = members[representatives(rows[members], threshold)]
    return standing


def _neighbor_counts(features: Float32, threshold: float) -> Int64:
    """Return how many other rows (N,) are neighbors of each, every pair looked at once."""
    counts = np.zeros(len(features), dtype=np.int64)
    everything = np.arange(len(features))
    for rows in chunks(len(features), ROWS):
        for columns in chunks(len(features) - rows.start, COLUMNS):
            later = everything[rows.start + columns.start : rows.start + columns.stop]
            near = _near(features, everything[rows], later, threshold)
            near &= later[None] > everything[rows, None]
            counts[rows] += near.sum(axis=1)
            counts[later] += near.sum(axis=0)
    return counts


def _near(features: Float32, rows: Int64, columns: Int64, threshold: float) -> Bools:
    """Return which of the columns (n,) are neighbors of which of the rows (m,), (m, n)."""
    near = np.empty((len(rows), len(columns)), dtype=bool)
    # Of unit vectors: (D + 8) u for the product, as much for lengths that are not quite 1.
    error = 2 * (features.shape[1] + 8) * UNIT_ROUNDOFF
    for some in chunks(len(columns), COLUMNS):
        cosines = features[rows] @ features[columns[some]].T
        np.greater_equal(cosines, threshold, out=near[:, some])
        doubtful = np.nonzero(np.abs(cosines - np.float32(threshold)) <= error)
        exact = _cosines(features, rows[doubtful[0]], columns[some][doubtful[1]])
        near[:, some][doubtful] = exact >= threshold
    return near


def _cosines(features: Float32, first: Int64, second: Int64) -> npt.NDArray[np.float64]:
    """Return cosines (n,) of pairs of rows, in float64."""
    cosines = np.empty(len(first))
    for some in chunks(len(first)):
        x, y = (features[each[some]].astype(np.float64) for each in (first, second))
        lengths = np.sqrt(np.einsum("nd,nd->n", x, x) * np.einsum("nd,nd->n", y, y))
        cosines[some] = np.einsum("nd,nd->n", x, y) / lengths
    return cosines
