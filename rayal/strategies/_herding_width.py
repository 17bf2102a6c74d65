"""The width of the kernel of `uherding` and `auto`, by the rule of the paper (Bae et al. 2025)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.kernels import distances
from rayal.kernels.herding import UNIT_WIDTH

ROUNDING = 1e-12  # squared distances up to it are those of copies


def smallest_distance(points: npt.NDArray[np.float32]) -> float:
    """Return the smallest distance between two different rows (n, D), UNIT_WIDTH without two."""
    smallest = np.inf
    for i in range(1, len(points)):
        away = distances.to_one_center(points[:i], points[i])
        smallest = min(smallest, float(away[away > ROUNDING].min(initial=np.inf)))
    return float(np.sqrt(smallest)) if np.isfinite(smallest) else UNIT_WIDTH
