"""How well features tell classes apart: the nearest neighbours' vote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Features, Labels

NEIGHBOURS = 5
_BLOCK = 1 << 21  # similarities compared at once, of which four arrays take 40 MiB


def accuracy(known: Features, classes: Labels, asked: Features, truth: Labels) -> float:
    """Return the share of queries whose nearest neighbours by cosine vote for their true class.

    Each of the five nearest votes with its similarity; the lower class wins a tie, and of several
    as near as the fifth any may be it. Rows without a label neither vote nor ask; NaN is returned
    where no row is left on one of the sides.

    Args:
        known: (N, D) features of those that vote.
        classes: (N,) their classes, UNLABELED where unknown.
        asked: (M, D) features of the queries.
        truth: (M,) their classes, UNLABELED where unknown.
    """
    known, classes = _labelled(known, classes)
    asked, truth = _labelled(asked, truth)
    return _share(known, classes, asked, truth, None)


def accuracy_among(features: Features, classes: Labels) -> float:
    """Return the same share where each labelled row asks all the others (leave one out)."""
    features, classes = _labelled(features, classes)
    return _share(features, classes, features, classes, np.arange(len(features)))


def _share(
    known: Features,
    classes: Labels,
    asked: Features,
    truth: Labels,
    own: npt.NDArray[np.int64] | None,
) -> float:
    """own: for each query, the row of `known` that it is itself."""
    if len(asked) == 0 or len(known) <= (own is not None):
        return float("nan")
    right = 0
    step = max(1, _BLOCK // len(known))
    for start in range(0, len(asked), step):
        part = slice(start, start + step)
        similar = asked[part] @ known.T
        if own is not None:
            similar[np.arange(len(similar)), own[part]] = -np.inf
        right += int(np.sum(_vote(similar, classes) == truth[part]))
    return right / len(asked)


def _vote(similar: Features, classes: Labels) -> Labels:
    """Return the class (m,) that the nearest of each row of similarities (m, N) vote for."""
    k = min(NEIGHBOURS, similar.shape[1])
    nearest = np.argpartition(-similar, k - 1, axis=1)[:, :k]
    weights = np.take_along_axis(similar, nearest, axis=1).astype(np.float64)
    weights = np.where(np.isfinite(weights), weights + 1, 0)  # cosines of -1..1 to 0..2
    votes = np.zeros((len(similar), int(classes.max()) + 1))
    np.add.at(votes, (np.arange(len(similar))[:, None], classes[nearest]), weights)
    winners: Labels = votes.argmax(axis=1)
    return winners


def _labelled(features: Features, classes: Labels) -> tuple[Features, Labels]:
    """Return the rows with a label, of unit length."""
    rows = np.flatnonzero(classes != UNLABELED)
    some = np.asarray(features)[rows].astype(np.float32, copy=False)  # its own: rows are copied
    lengths = np.linalg.norm(some, axis=1, keepdims=True)
    some /= np.maximum(lengths, np.finfo(np.float32).tiny)
    return some, classes[rows]
