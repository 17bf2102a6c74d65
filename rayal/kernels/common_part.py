"""What all rows have in common where it is long: it is taken away before products are formed.

|x - y|^2 stays the same where one vector is taken from both. As |x|^2 - 2 x.y + |y|^2 in 32 bits it
loses the digits by which |x|^2 is larger: rows that differ by a hundredth of their length are
confused with one another now and then, by a thousandth mostly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

# Squared length of the mean, in mean squared deviations from it, above which it is taken away.
# Below, products keep five digits of such a deviation, and rows are left as they are, to the bit.
LARGE = 100
ROWS = 8192  # converted to float64 at once


def large_common_part(points: Float32) -> Float32 | None:
    """Return the mean (D,) of rows (n, D) where it is ten times as long as they deviate from it.

    None where it is shorter. O(n D), no copy of the rows.
    """
    total, squares = np.zeros(points.shape[1]), 0.0
    for start in range(0, len(points), ROWS):
        rows = points[start : start + ROWS].astype(np.float64)
        total += rows.sum(axis=0)
        squares += float(np.einsum("nd,nd->", rows, rows))
    mean = total / len(points)
    squared_length = float(mean @ mean)
    deviation = squares / len(points) - squared_length
    return mean.astype(np.float32) if squared_length > LARGE * deviation else None


def without(points: Float32, part: Float32 | None) -> Float32:
    """Return rows (n, D) less a part (D,) of all of them; as they are where it is None."""
    return points if part is None else points - part
