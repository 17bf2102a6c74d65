"""Rows parted into cells of near ones, and the nearest neighbors that lie in near cells.

An inverted file as in faiss, worked through cell by cell: the rows of one cell are compared with
those of the nearest cells by one matrix product, and the matrix is never copied whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.clustering import kmeans
from rayal.kernels.common_part import large_common_part, without
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_clustering import assigned

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

SIZE = 1024  # rows of a cell, on average
LARGEST = 4 * SIZE  # larger ones are cut
PROBED = 8  # cells that a row is compared with, its own among them
TRAINING_STEPS, TRAINING_ROWS = 8, 64  # of the cells' k-means; rows a cell


@dataclass(frozen=True)
class Cells:
    """members: ascending positions in each of n cells, all different; centers (n, D)."""

    members: list[Int64]
    centers: Float32

    def near(self, cell: int, count: int) -> Int64:
        """Return the cells with the nearest centers, itself among them, ascending."""
        away = distances.to_one_center(self.centers, self.centers[cell])
        away[cell] = -np.inf
        return np.sort(np.argsort(away, kind="stable")[:count])


def part_into_cells(rows: Rows, rng: np.random.Generator, size: int = SIZE) -> Cells:
    """Part rows (N, D) into cells of `size` on average and four times it at most; O(N^2 D / size).

    Cells are clusters of k-means, trained on 64 rows each; those that are too large are cut in
    the order of their positions. There are no empty ones.
    """
    count = -(-len(rows) // size)
    sample = rng.permutation(len(rows))[: TRAINING_ROWS * count]
    _, centers = kmeans(rows[np.sort(sample)], count, rng, restarts=1, iterations=TRAINING_STEPS)
    own = assigned(rows, centers).of
    order = np.argsort(own, kind="stable")
    sizes = np.bincount(own, minlength=len(centers))
    members, of = [], []
    for cell, positions in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
        for start in range(0, len(positions), 4 * size):
            members.append(positions[start : start + 4 * size])
            of.append(cell)
    return Cells(members, centers[of])


def neighbors_in_cells(
    rows: Rows, k: int, rng: np.random.Generator, *, probed: int = PROBED
) -> tuple[Int64, Float32]:
    """Return positions (N, k) of near other rows and their cosines (N, k), highest first.

    Positions are -1 where the cells hold fewer. Of the k nearest those are missed that lie in none
    of the `probed` nearest cells.

    Args:
        rows: (N, D) of unit length.
        k: at least 1.
        rng: draws what the cells are trained on.
        probed: more find more, in so much more time: O(N 1024 probed D).
    """
    cells = part_into_cells(rows, rng)
    common = large_common_part(cells.centers)
    neighbors = np.full((len(rows), k), -1, dtype=np.int64)
    cosines = np.zeros((len(rows), k), dtype=np.float32)
    for cell, members in enumerate(cells.members):
        near = np.concatenate([cells.members[c] for c in cells.near(cell, probed)])
        highest, found = _highest_cosines(rows[members], rows[near], min(k + 1, len(near)), common)
        others = _others(near[found], members)
        width = found.shape[1] - 1
        neighbors[members, :width] = near[found][others].reshape(-1, width)
        cosines[members, :width] = highest[others].reshape(-1, width)
    return neighbors, cosines


def _highest_cosines(
    rows: Float32, others: Float32, k: int, common: Float32 | None
) -> tuple[Float32, Int64]:
    """Return the k highest cosines (n, k) of unit rows (n, D) to others (m, D), and whose."""
    if common is None:
        highest, found = faiss.knn(rows, others, k, metric=faiss.METRIC_INNER_PRODUCT)
        return highest, found
    away, found = faiss.knn(without(rows, common), without(others, common), k)
    return np.asarray(1 - away / 2, dtype=np.float32), found


def _others(found: Int64, own: Int64) -> npt.NDArray[np.bool_]:
    """Return which of the found (n, k + 1) to keep: all but each row's own, wherever it stands."""
    other: npt.NDArray[np.bool_] = found != own[:, None]
    # A row is not always its own nearest: copies of it may take its place.
    other[other.all(axis=1), -1] = False
    return other
