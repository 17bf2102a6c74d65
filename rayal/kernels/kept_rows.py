"""Rows of a matrix that is made in parts, kept for another time as far as there is room."""

from __future__ import annotations

from collections.abc import Callable

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

    def take(self, rows: Int64, make: Callable[[Int64], Float32]) -> Float32:
        """Return the distinct rows (k,) as (k, m) that may be written into.

        make: from the numbers of rows to the rows.
        """
        absent = np.flatnonzero(self._place[rows] < 0)
        if len(absent) == len(rows):
            all_made = make(rows)
            self._keep(rows, all_made)
            return all_made
        taken: Float32 = self._rows[self._place[rows]]
        if len(absent):
            made = make(rows[absent])
            self._keep(rows[absent], made)
            taken[absent] = made
        return taken

    def _keep(self, rows: Int64, made: Float32) -> None:
        again = np.flatnonzero(self._seen[rows])[: len(self._rows) - self._used]
        self._seen[rows] = True
        places = np.arange(self._used, self._used + len(again))
        self._rows[places] = made[again]
        self._place[rows[again]] = places
        self._used += len(again)
