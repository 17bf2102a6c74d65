"""Checks at the border of the kernels: budgets, features, numbers that are not finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

SUM_TOLERANCE = {2: 1e-2, 4: 1e-3, 8: 1e-3}  # of probabilities, by bytes of a number
ROUNDING = 1e-6  # how far below zero a probability may be
LOST = 0.01  # part of a column's range that rounding to 32 bits may cost
NOTHING = 1e-6  # part of the widest column's range below which a column varies by nothing
_ROWS_AT_ONCE = 8192
SMALLEST = 1e-15  # the square of a thousandth of it is the smallest float32 of full precision


def check_budget(budget: int, left: int) -> None:
    """Raise ValueError unless the budget is between 1 and the number of images left."""
    if not 1 <= budget <= left:
        raise ValueError(
            f"a budget of {budget} is not between 1 and the {left} images without a label; "
            f"ask for at least 1 and at most {left}"
        )


def as_points(features: npt.NDArray[np.floating[Any]], name: str = "the features") -> Float32:
    """Return features (N, D) as rows of float32, C-contiguous, whose distances can be computed.

    No copy is made where they are so already.

    Raises:
        ValueError: no column; NaN, infinity or numbers whose squared distances leave float32.
    """
    if features.ndim != 2 or features.shape[1] == 0:
        raise ValueError(f"{name} must be (N, D) with at least one column, got {features.shape}")
    with np.errstate(over="ignore"):
        points = np.ascontiguousarray(features, dtype=np.float32)
    check_finite(points, f"{name}, in 32 bits,")
    largest = float(max(points.max(initial=0), -points.min(initial=0)))
    if misfit := misfit_of_squares(largest, 2 * points.shape[1]):
        raise ValueError(
            f"{name} go up to {largest:.3g}, and squares of differences have to fit 32 bits, where "
            f"these {misfit}: scale them, such as to unit variance"
        )
    return points


def check_finite(values: npt.NDArray[np.floating[Any]], name: str) -> None:
    """Raise ValueError, naming the first bad row, unless every value (N, ...) is finite."""
    # A sum is finite unless something in it is not (or it overflows, which the slow look settles).
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(values)):
            return
    bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{name} must be finite, but {bad.sum()} of {len(values)} rows hold NaN or infinity, "
            f"the first in row {np.flatnonzero(bad)[0]}"
        )


def misfit_of_probabilities(rows: npt.NDArray[Any]) -> str:
    """Say which rows (n, C) are no probabilities, from 0 up with a sum of 1; "" where all are."""
    sums = rows.sum(axis=1, dtype=np.float64)
    off = np.abs(sums - 1) > SUM_TOLERANCE.get(rows.dtype.itemsize, 1e-3)
    off |= (rows < -ROUNDING).any(axis=1)
    if not off.any():
        return ""
    first = int(np.flatnonzero(off)[0])
    return (
        f"{np.count_nonzero(off)} of {len(rows)} rows are not, the first at {first}: "
        f"{np.round(rows[first][:6].astype(float), 4).tolist()} sums to {sums[first]:.4g}"
    )


def misfit_of_squares(size: float, count: int) -> str:
    """Return how sums of squared differences leave 32-bit floats: "overflow", "vanish" or "".

    size: the largest absolute number; count: how many squared differences are summed at most.
    """
    if size > math.sqrt(float(np.finfo(np.float32).max) / (4.0 * count)):
        return "overflow"
    return "vanish" if 0 < size < SMALLEST else ""


def misfit_of_rounding(features: npt.NDArray[Any]) -> str:
    """Name a column of features (N, D) that 32-bit floats cannot hold apart; "" where all are held.

    That is one of which they keep less than the variation, as of numbers around a million that
    differ by a thousandth. Columns that hardly vary beside the others are none.
    """
    if features.dtype == np.float32 or features.dtype.itemsize < 4 or not len(features):
        return ""
    lost = np.zeros(features.shape[1])
    low, high = np.full_like(lost, np.inf), np.full_like(lost, -np.inf)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        rows = features[start : start + _ROWS_AT_ONCE]
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told elsewhere
            away = np.abs(rows.astype(np.float64) - rows.astype(np.float32))
        lost = np.fmax(lost, away.max(axis=0))
        low, high = np.minimum(low, rows.min(axis=0)), np.maximum(high, rows.max(axis=0))
    ranges = high - low
    rounded = np.isfinite(lost) & (lost > LOST * ranges) & (ranges > NOTHING * ranges.max())
    if not rounded.any():
        return ""
    column = int(np.flatnonzero(rounded)[0])
    small = max(high[column], -low[column]) < SMALLEST
    way = "scale it" if small else "subtract its mean, as features - features.mean(axis=0) does"
    return (
        f"column {column} varies by {ranges[column]:.3g} around {float(features[0, column]):.6g}, "
        f"which 32-bit floats cannot tell apart: {way}"
    )
