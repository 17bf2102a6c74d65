"""How unsure a prediction is, and how much several predictions of one image disagree.

Passes come one after another, (n, C) each, and are never held together: memory is that of a few
passes, however many there are. All is float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import entr

Float64 = npt.NDArray[np.float64]


def entropy(probs: Float64) -> Float64:
    """Return -sum p log p (n,) of probabilities (n, C), in nats."""
    return np.asarray(entr(probs).sum(axis=1), dtype=np.float64)


def top(probs: Float64) -> Float64:
    """Return the highest probability (n,)."""
    return np.asarray(probs.max(axis=1), dtype=np.float64)


def negative_margin(probs: Float64) -> Float64:
    """Return the second highest less the highest probability (n,); with one class, minus that."""
    if probs.shape[1] == 1:
        return -probs[:, 0]
    two = np.partition(probs, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 0] - two[:, 1])


def mean(passes: Iterable[Float64]) -> Float64:
    """Return the mean (n, C) over the passes."""
    count, total = _sum((probs,) for probs in passes)
    return total[0] / count


def mutual_information(passes: Iterable[Float64]) -> Float64:
    """Return the entropy of the mean less the mean of the entropies, (n,), at least 0 (BALD)."""
    count, (probs, entropies) = _sum((p, entropy(p)) for p in passes)
    return np.maximum(entropy(probs / count) - entropies / count, 0)


def variances(passes: Iterable[Float64]) -> Float64:
    """Return the variance (n, C) over the passes, divided by their number."""
    passes = iter(passes)
    first = next(passes)  # subtracted, so that equal passes have a variance of 0
    count, (shifts, squares) = _sum((p - first, (p - first) ** 2) for p in passes)
    count += 1
    return np.maximum(squares / count - (shifts / count) ** 2, 0)


def variation_ratio(passes: Iterable[Float64]) -> Float64:
    """Return 1 - the share of passes whose most probable class is the modal one, (n,)."""
    count, [votes] = _sum((np.eye(p.shape[1])[p.argmax(axis=1)],) for p in passes)
    return 1 - top(votes) / count


def _sum(terms: Iterator[tuple[Float64, ...]]) -> tuple[int, tuple[Float64, ...]]:
    """Return how many terms there were, and the sum of each of their parts."""
    sums = tuple(part.copy() for part in next(terms))
    count = 1
    for term in terms:
        count += 1
        for total, part in zip(sums, term, strict=True):
            total += part
    return count, sums
