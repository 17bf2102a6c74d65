"""Widths of a kernel that are read off the labeled images: for `uherding` and `auto`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.herding import UNIT_WIDTH

ROUNDING = 1e-12  # squared distances up to it are those of copies


def smallest_distance(points: npt.NDArray[np.float32]) -> float:
    """Return the smallest distance between two different rows (n, D), UNIT_WIDTH without two.

    The rule of the paper (Bae et al. 2025). It is the smallest of n (n - 1) / 2 distances, so that
    it shrinks with every pair of images that happen to be near.
    """
    return min(_to_nearest(points), default=UNIT_WIDTH)


def mean_distance_to_nearest(points: npt.NDArray[np.float32]) -> float:
    """Return the mean distance of rows (n, D) to the nearest different one, UNIT_WIDTH without two.

    It says how far apart labeled images are, and follows no single pair of them.
    """
    return float(np.mean([*_to_nearest(points)] or UNIT_WIDTH))


def _to_nearest(points: npt.NDArray[np.float32]) -> Iterator[float]:
    """Yield of each row that differs from others the distance to the nearest of these."""
    for point in points:
        away = distances.to_one_center(points, point)
        different = away[away > ROUNDING]
        if len(different):
            yield float(np.sqrt(different.min()))
