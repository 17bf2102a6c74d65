"""Numbers of each class for itself, put together: for images that may have several classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Float64: TypeAlias = npt.NDArray[np.float64]
Combination: TypeAlias = Literal["mean", "maximum"]


def score_over_classes(
    measure: Callable[[Float64], npt.NDArray[np.floating[Any]]],
    probs: npt.NDArray[np.floating[Any]],
    combination: Combination,
) -> Float64:
    """Return (n,), the mean or the maximum over the classes of a score of each.

    Args:
        measure: from probabilities (m, 2) of two classes to scores (m,).
        probs: (n, C), each of a class for itself; it is scored as p against 1 - p.
        combination: what puts the C scores of an image together.
    """
    exact = probs.astype(np.float64)
    scores = measure(np.stack([exact, 1 - exact], axis=-1).reshape(-1, 2)).reshape(exact.shape)
    return np.asarray(scores.mean(axis=1) if combination == "mean" else scores.max(axis=1))


def mean_of_defined(values: Sequence[float]) -> tuple[float, list[int]]:
    """Return the mean of the values (C,) that are not NaN, and the classes of the others.

    NaN where all are.
    """
    by_class = np.asarray(values, dtype=np.float64)
    undefined = np.isnan(by_class)
    mean = float(by_class[~undefined].mean()) if not undefined.all() else float("nan")
    return mean, np.flatnonzero(undefined).tolist()
