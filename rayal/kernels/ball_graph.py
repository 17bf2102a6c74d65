"""Open balls of one radius as a graph that is kept: each pair of points is looked at once.

A graph of neighbors answers at once what `balls.Balls` works out anew for each question. It is
kept where its pairs are few; which they are is decided as there, so that answers are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack

from rayal.kernels.balls import ROWS, Balls
from rayal.kernels.gemm_distances import COLUMNS, chunks
from rayal.kernels.rounded_products import RoundedProducts, rounded_products

Bool = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]
Pairs = tuple[Int64, Int64]

PAIRS = 1 << 25  # kept at most: 15 bytes each while the graph is made, 10 afterwards
SAMPLE = 256  # balls by which the number of pairs is estimated
ROUNDED_ROWS = 2048  # of a block of products in bfloat16


@dataclass(frozen=True, eq=False)
class BallGraph:
    """above (N, N): of each row, the points after it in the ball of its own; below: those before.

    A point lies in its own ball.
    """

    above: csr_array
    below: csr_array

    def covered_by(self, centers: Int64) -> Bool:
        """Return (N,) whether each point is in one of the balls."""
        return self.counts(centers) > 0

    def counts(self, centers: Int64) -> Int64:
        """Return (N,) how many of the balls hold each point: as many as its ball has centers in."""
        parts = centers, self.above[centers].indices, self.below[centers].indices
        N = self.above.shape[0]
        return sum((np.bincount(part, minlength=N) for part in parts), np.zeros(N, np.int64))


def ball_graph(balls: Balls) -> BallGraph | None:
    """Return the graph of balls of a radius above 0; None where it has more pairs than PAIRS."""
    N = len(balls.points)
    sample = np.unique(np.linspace(0, N - 1, SAMPLE, dtype=np.int64))
    estimated = balls.counts(sample).mean() / len(sample) * N**2 / 2
    if balls.squared_radius <= 0 or estimated > PAIRS:
        return None
    products = rounded_products(balls, sample)
    pairs = _pairs_by_differences(balls) if products is None else _checked_pairs(balls, products)
    above = _rows_above(pairs, N)
    return None if above is None else BallGraph(above, above.T.tocsr())


def _rows_above(pairs: Iterator[tuple[slice, Pairs]], N: int) -> csr_array | None:
    """Return the rows of the matrix (N, N) that has pairs, given in the order of their rows."""
    blocks, left = [], PAIRS
    for rows, (first, second) in pairs:
        left -= len(first)
        if left < 0:
            return None
        shape, true = (rows.stop - rows.start, N), np.ones(len(first), dtype=bool)
        blocks.append(csr_array((true, (first - rows.start, second)), shape=shape))
    return csr_array(vstack(blocks, format="csr"))


def _pairs_by_differences(balls: Balls) -> Iterator[tuple[slice, Pairs]]:
    """Yield rows, and the pairs of them with later points that are nearer than the radius."""
    N = len(balls.points)
    for rows in chunks(N, ROWS):
        centers, pairs = np.arange(rows.start, rows.stop), []
        for columns in _from(rows.start, N, COLUMNS):
            inside = np.flatnonzero(balls.hold(centers, columns))
            first, second = np.divmod(inside, columns.stop - columns.start)
            pairs.append(_ordered(rows.start + first, columns.start + second))
        yield rows, _joined(pairs)


def _checked_pairs(balls: Balls, products: RoundedProducts) -> Iterator[tuple[slice, Pairs]]:
    """Yield the same of those that rounded products do not exclude."""
    N = len(balls.points)
    for rows in chunks(N, ROUNDED_ROWS):
        pairs = []
        for columns in _from(rows.start, N, ROUNDED_ROWS):
            first, second = _ordered(*products.near(rows, columns))
            inside = balls.holds(first, second)
            pairs.append((first[inside], second[inside]))
        yield rows, _joined(pairs)


def _from(start: int, stop: int, size: int) -> Iterator[slice]:
    """Cut the numbers from start on into slices of at most `size`."""
    return (slice(start + part.start, start + part.stop) for part in chunks(stop - start, size))


def _ordered(first: Int64, second: Int64) -> Pairs:
    each_once = first < second
    return first[each_once], second[each_once]


def _joined(pairs: list[Pairs]) -> Pairs:
    firsts, seconds = zip(*pairs, strict=True)
    return np.concatenate(firsts), np.concatenate(seconds)
