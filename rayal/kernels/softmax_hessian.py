"""The Hessian of log-losses by the outputs of a softmax, image by image, as a product LL'.

H = diag(p) - pp' = LL' with L = diag(s) (I - ss'), s = sqrt(p), for each of n images and its k
classes. s's = 1, so that L v = s * v for all v = L'u, and no other v occurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Array = npt.NDArray[Any]  # float64 or float32


@dataclass(frozen=True)
class HessianFactor:
    """L of S problems, and what an intercept, the same for all images of a class, sees of H."""

    probs: Array  # (S, k, n)
    root: Array  # (S, k, n), s
    inverse: Float64  # (S, k, k), of 1' H 1 where outputs sum to 0 over classes, as they all do

    @classmethod
    def of(cls, probs: Float64, precision: np.dtype[Any]) -> HessianFactor:
        """Make it of probabilities (S, k, n), for products in a precision."""
        counts = probs.sum(axis=2)[:, None]
        hessian = np.eye(probs.shape[1]) * counts - np.matmul(probs, probs.transpose(0, 2, 1))
        hessian += counts.mean(axis=2, keepdims=True)  # regular, and the same where sums are 0
        rough = probs.astype(precision, copy=False)
        return cls(rough, np.sqrt(rough), np.linalg.inv(hessian))

    def times(self, v: Array) -> Array:
        """Return L v (S, k, n) of a v that is L' of something."""
        return np.asarray(self.root * v)

    def transposed_times(self, u: Array) -> Array:
        """Return L' u, (S, k, n)."""
        return np.asarray(self.root * (u - over_classes(self.probs * u)))

    def transposed_times_intercept(self, b: Array) -> Array:
        """Return L' u for the outputs u of intercepts b (S, k, 1) alone."""
        return np.asarray(self.root * (b - np.matmul(b.transpose(0, 2, 1), self.probs)))

    def projected(self, u: Array) -> Array:
        """Return L' u (S, k, n) without what an intercept could make of it; u is used up."""
        weighted = self.probs * u
        means = over_classes(weighted)
        seen = over_images(weighted) - np.matmul(self.probs, means.transpose(0, 2, 1))
        b = self._solved(seen)
        u -= b
        means -= np.matmul(b.transpose(0, 2, 1), self.probs)
        u -= means
        u *= self.root
        return u

    def intercept(self, v: Array) -> Array:
        """Return the b (S, k, 1) whose L' u is nearest to v, which is L' of something."""
        return self._solved(over_images(self.root * v))

    def _solved(self, seen: Array) -> Array:
        return np.asarray(np.matmul(self.inverse, seen).astype(seen.dtype))


def over_classes(x: Array) -> Array:
    """Return sums (S, 1, n) over the classes."""
    return np.asarray(x.sum(axis=1, keepdims=True))


def over_images(x: Array) -> Array:
    """Return sums (S, k, 1) over the images."""
    return np.asarray(np.matmul(x, np.ones((x.shape[2], 1), x.dtype)))


def dots(x: Array, y: Array) -> Float64:
    """Return the sums (S, 1, 1) of products of two arrays (S, ., n), problem by problem."""
    S = len(x)
    return np.asarray(np.matmul(x.reshape(S, 1, -1), y.reshape(S, -1, 1)), np.float64)
