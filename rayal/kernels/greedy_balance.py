"""Classes balanced while images are chosen one by one (Bengar et al. 2022, CBAL, Algorithm 2).

Each pick minimizes -gain + weight * ||target - probs of the picks before - its own||_1, whatever a
strategy's gain is; the text: "general and applicable to any greedy acquisition method". Where the
gain is the distance to the nearest center, `covering.balanced_k_center` does the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating[Any]]


class ClassBalance:
    """What the classes still lack, and what an image costs by it.

    Args:
        probs: (N, C) class probabilities.
        target: (C,) how many images of each class are wanted.
        weight: of the L1 term, at least 0.

    Raises:
        ValueError: weight is negative.
    """

    def __init__(self, probs: Numbers, target: Numbers, weight: float) -> None:
        if weight < 0:
            raise ValueError(f"weight of the class balance is {weight:g}; it must be at least 0")
        self._probs, self._weight = probs, weight
        self._missing = np.array(target, dtype=np.float64)

    def costs(self, rows: Int64 | slice = slice(None)) -> Float64:
        """Return weight * ||target - probs of the picks - its own||_1 of some images, (n,)."""
        lacking = np.subtract(self._probs[rows], self._missing, dtype=np.float64)
        balance = np.einsum("nc->n", np.abs(lacking, out=lacking))
        return np.asarray(self._weight * balance)

    def add(self, pick: int) -> None:
        """Count a pick."""
        self._missing -= self._probs[pick]
