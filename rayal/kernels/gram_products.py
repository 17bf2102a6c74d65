"""Products by Gram matrices K = ZZ' of many problems at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Array = npt.NDArray[Any]  # float64 or float32


@dataclass(frozen=True)
class Gram:
    """K = ZZ' of S problems, as a matrix or by its factor."""

    used: Array  # Z (S, n, D), or K (S, n, n) where that takes fewer products
    is_factor: bool

    @classmethod
    def of(cls, inputs: Iterable[Float64]) -> Gram:
        """Make it of the Z (n, D) of each problem, which are looked at one by one."""
        used = [own if len(own) > 2 * own.shape[1] else own @ own.T for own in inputs]
        return cls(np.stack(used), is_factor=used[0].shape[0] != used[0].shape[1])

    def trace(self) -> Float64:
        """Return the traces of K, (S, 1, 1)."""
        if self.is_factor:
            return np.asarray(np.square(self.used).sum(axis=(1, 2), keepdims=True))
        return np.asarray(np.trace(self.used, axis1=1, axis2=2)[:, None, None])

    def times(self, x: Array) -> Array:
        """Return x K, (S, k, n)."""
        x = np.matmul(x, self.used)
        return np.matmul(x, self.used.transpose(0, 2, 1)) if self.is_factor else x

    def in_precision(self, dtype: type[np.floating[Any]]) -> Gram:
        """Return it in float32 or float64."""
        return Gram(self.used.astype(dtype, copy=False), self.is_factor)

    def only(self, problems: npt.NDArray[np.bool_ | np.int64]) -> Gram:
        """Return it for the problems that are marked (S,), or for those of these numbers."""
        return Gram(self.used[problems], self.is_factor)
