"""Rows of a matrix that is made in parts, kept for another time as far as there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


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

    def visit(
        self, rows: Int64, make: Callable[[Int64, Float32], None]
    ) -> Iterator[tuple[int, Float32]]:
        """Yield the position of each of the distinct rows (k,) and the row (m,), in any order.

        The row is to be read at once, and not to be written into.

        make: given the numbers of rows (j,) and a matrix (j, m), writes the rows into it.
        """
        places = self._place[rows]
        for position in np.flatnonzero(places >= 0):
            yield int(position), self._rows[places[position]]
        absent = places < 0
        keep = np.flatnonzero(absent & self._seen[rows])[: len(self._rows) - self._used]
        absent[keep] = False
        pass_by = np.flatnonzero(absent)
        self._seen[rows] = True
        scratch = np.empty((len(pass_by), self._rows.shape[1]), dtype=np.float32)
        for positions, block in ((keep, self._room_for(rows[keep])), (pass_by, scratch)):
            make(rows[positions], block)
            yield from zip(positions.tolist(), block, strict=True)

    def _room_for(self, rows: Int64) -> Float32:
        start, self._used = self._used, self._used + len(rows)
        self._place[rows] = np.arange(start, self._used)
        return self._rows[start : self._used]
