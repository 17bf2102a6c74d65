"""Adam (Kingma and Ba 2015) on arrays, in place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's published constants
CHUNK = 1 << 15  # numbers: of four arrays 512 kB, which the L2 cache keeps for all ten passes


@dataclass(frozen=True)
class AdamSchedule:
    """How long and how fast: the rate is multiplied by .1 at the start of each milestone epoch."""

    epochs: int
    batch_size: int
    lr: float
    milestones: tuple[int, ...]
    dropout: float = 0.0  # fraction of the inputs dropped in each step

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        return float(self.lr * 0.1 ** sum(epoch >= m for m in self.milestones))


class Adam:
    """Moves weights by a gradient of the same shape; both arrays contiguous.

    The moments lack Adam's factors (1 - BETA1) and (1 - BETA2): these and the corrections of the
    bias are numbers, and multiplying numbers in place of arrays saves a third of the passes.
    """

    def __init__(self, weights: Float32, gradient: Float32) -> None:
        arrays = weights, gradient, np.zeros_like(weights), np.zeros_like(weights)
        flat = [array.reshape(-1) for array in arrays]
        starts = range(0, weights.size, CHUNK)
        self._chunks = [[array[i : i + CHUNK] for array in flat] for i in starts]
        self._steps = 0

    def step(self, rate: float) -> None:
        """Take a step; the gradient is used up."""
        self._steps += 1
        root_scale = math.sqrt((1 - BETA2) / (1 - BETA2**self._steps))
        epsilon = EPSILON / root_scale
        scale = rate * (1 - BETA1) / (1 - BETA1**self._steps) / root_scale
        for weights, gradient, first, second in self._chunks:
            first *= BETA1
            first += gradient
            gradient *= gradient
            second *= BETA2
            second += gradient
            np.sqrt(second, out=gradient)
            gradient += epsilon
            np.divide(first, gradient, out=gradient)
            gradient *= scale
            weights -= gradient
