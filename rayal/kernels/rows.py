"""Rows of a matrix that may be as large as memory: read a part at a time, never copied whole.

A mapped file of float32 or float16 numbers serves as well as an array. What is read comes as
float32, of unit length where that is asked for: the same numbers, to the bit, as those of
`clustering.unit_rows`, which copies the whole matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.kernels.gemm_distances import chunks
from rayal.kernels.validation import as_points

Float32: TypeAlias = npt.NDArray[np.float32]
Int64: TypeAlias = npt.NDArray[np.int64]
Numbers: TypeAlias = npt.NDArray[np.floating[Any]]

BLOCK = 8192  # rows read at once
LARGE = 200_000  # rows up to which strategies take their exact form


class Rows:
    """Rows (n, D) of features (N, D), all of them or those at some positions.

    Args:
        features: (N, D), finite; never written to.
        positions: (n,) ascending; None for all.
        unit: scale rows to unit length; rows of zeros stay.

    Raises:
        ValueError: as `validation.as_points`.
    """

    def __init__(
        self, features: Numbers, positions: Int64 | None = None, *, unit: bool = False
    ) -> None:
        all_rows = positions is None or len(positions) == len(features)
        self._features = features
        self._positions = None if all_rows else positions
        self._unit = unit
        count = len(features) if positions is None else len(positions)
        self.shape: tuple[int, int] = (count, int(features.shape[1]))
        for rows in chunks(len(features), BLOCK):
            as_points(features[rows])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Int64) -> Float32:
        """Return rows (m, D), C-contiguous; they may be those of the matrix: do not write."""
        taken = self._features[rows if self._positions is None else self._positions[rows]]
        if not self._unit:
            return np.ascontiguousarray(taken, dtype=np.float32)
        scaled = np.array(taken, dtype=np.float32, order="C")
        import faiss  # a plan, which reads LARGE, does not wait for it

        faiss.normalize_L2(scaled)
        return scaled

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, Float32]]:
        """Yield all rows in order, a block at a time, and which they are."""
        return ((rows, self[rows]) for rows in chunks(len(self), size))
