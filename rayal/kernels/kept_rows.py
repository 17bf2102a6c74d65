"""Rows of a matrix that is made in parts, kept for another time as far as there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from rayal.kernels.gemm_distances import chunks

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

TOGETHER = 8  # rows visited at most: what is worked out of them stays in a cache


class KeptRows:
    """Rows of a matrix (n, m) of float32, of which the first that are asked for again are kept.

    Where half of the matrix fits, rows are kept from the first time on. Memory is taken as it is
    used.
    """

    def __init__(self, n: int, m: int, most_bytes: int) -> None:
        room = min(n, most_bytes // max(1, 4 * m))
        self._rows = np.empty((room, m), dtype=np.float32)
        self._place = np.full(n, -1)  # of each row among those kept
        self._seen = np.full(n, 2 * room >= n)
        self._used = 0

    @classmethod
    def from_matrix(cls, matrix: Float32) -> KeptRows:
        """Return the rows of a matrix (n, m) that is there already."""
        kept = cls(len(matrix), matrix.shape[1], 0)
        kept._rows, kept._place = matrix, np.arange(len(matrix))
        return kept

    def row(self, row: int) -> Float32 | None:
        """Return a row (m,), not to be written into; None where it is not kept."""
        place = self._place[row]
        return self._rows[place] if place >= 0 else None

    def visit(
        self, rows: Int64, make: Callable[[Int64, Float32], None]
    ) -> Iterator[tuple[Int64, Iterable[Float32]]]:
        """Yield positions (k,) of some of the distinct rows (n,) and these rows, in any order.

        The rows are to be read at once, and not to be written into; k is at most TOGETHER.

        make: given the numbers of rows (j,) and a matrix (j, m), writes the rows into it.
        """
        places = self._place[rows]
        held = np.flatnonzero(places >= 0)
        for part in chunks(len(held), TOGETHER):
            yield held[part], [self._rows[place] for place in places[held[part]]]
        absent = places < 0
        keep = np.flatnonzero(absent & self._seen[rows])[: len(self._rows) - self._used]
        absent[keep] = False
        pass_by = np.flatnonzero(absent)
        self._seen[rows] = True
        scratch = np.empty((len(pass_by), self._rows.shape[1]), dtype=np.float32)
        for positions, block in ((keep, self._room_for(rows[keep])), (pass_by, scratch)):
            make(rows[positions], block)
            for part in chunks(len(positions), TOGETHER):
                yield positions[part], block[part]

    def _room_for(self, rows: Int64) -> Float32:
        start, self._used = self._used, self._used + len(rows)
        self._place[rows] = np.arange(start, self._used)
        return self._rows[start : self._used]
