"""The area under the ROC curve (Hanley and McNeil 1982)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def area_under_roc(scores: npt.NDArray[np.floating[Any]], positive: npt.NDArray[np.bool_]) -> float:
    """Return the chance that of scores (n,) a positive is above a negative; else NaN.

    Ties count half.
    """
    high, low = np.sort(scores[positive]), np.sort(scores[~positive])
    if len(high) == 0 or len(low) == 0:
        return float("nan")
    below = np.searchsorted(low, high, "left").sum()
    not_above = np.searchsorted(low, high, "right").sum()
    return float((below + not_above) / (2 * len(high) * len(low)))
