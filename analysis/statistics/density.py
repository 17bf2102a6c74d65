"""How crowded the points of a scatter plot are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.statistics.intervals import Floats


def point_density(x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Number of points that share each point's cell of a grid over all; x, y and result (N,).

    The grid grows with the points, about four to a cell were they spread evenly.
    """
    bins = max(1, int(np.sqrt(len(np.asarray(x))) / 2))
    counts, xe, ye = np.histogram2d(np.asarray(x), np.asarray(y), bins=bins)
    column = np.clip(np.searchsorted(xe, x, side="right") - 1, 0, bins - 1)
    row = np.clip(np.searchsorted(ye, y, side="right") - 1, 0, bins - 1)
    return np.asarray(counts[column, row], np.float64)
