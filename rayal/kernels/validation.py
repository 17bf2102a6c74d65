"""Checks at the border: budgets that a pool cannot meet, numbers that are not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def check_budget(budget: int, left: int) -> None:
    """Raise ValueError unless the budget is between 1 and the number of images left."""
    if not 1 <= budget <= left:
        raise ValueError(
            f"a budget of {budget} is not between 1 and the {left} images without a label; "
            f"ask for at least 1 and at most {left}"
        )


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
