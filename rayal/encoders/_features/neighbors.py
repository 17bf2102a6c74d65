"""How well features tell classes apart: accuracy of the nearest neighbors' vote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayal.contracts import UNLABELED, Features, Labels

NEIGHBORS = 5
_BLOCK = 1 << 21  # similarities compared at once, of which four arrays take 40 MiB


def knn_accuracy(
    train: Features, train_labels: Labels, queries: Features, query_labels: Labels
) -> float:
    """Return the fraction of queries whose nearest neighbors by cosine vote for their true class.

    Each of the five nearest votes with its similarity; the lower class wins a tie, and of several
    as near as the fifth any may be it. Rows without a label neither vote nor ask; NaN is returned
    where no row is left on one of the sides.

    Args:
        train: (N, D) features of those that vote.
        train_labels: (N,) their classes, UNLABELED where unknown.
        queries: (M, D) features.
        query_labels: (M,) their classes, UNLABELED where unknown.
    """
    train, train_labels = _labeled_unit_rows(train, train_labels)
    queries, query_labels = _labeled_unit_rows(queries, query_labels)
    return _accuracy(train, train_labels, queries, query_labels, None)


def leave_one_out_accuracy(features: Features, labels: Labels) -> float:
    """Return the accuracy (see `knn_accuracy`) of (N, D) where each row asks all the others.

    labels: (N,), UNLABELED where unknown.
    """
    features, labels = _labeled_unit_rows(features, labels)
    return _accuracy(features, labels, features, labels, np.arange(len(features)))


def _accuracy(
    train: Features,
    train_labels: Labels,
    queries: Features,
    query_labels: Labels,
    own_row: npt.NDArray[np.int64] | None,
) -> float:
    """Return the accuracy; own_row (M,): the row of `train` that each query is itself."""
    if len(queries) == 0 or len(train) <= (own_row is not None):
        return float("nan")
    correct = 0
    step = max(1, _BLOCK // len(train))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        similarities = queries[part] @ train.T
        if own_row is not None:
            similarities[np.arange(len(similarities)), own_row[part]] = -np.inf
        correct += int(np.sum(_vote(similarities, train_labels) == query_labels[part]))
    return correct / len(queries)


def _vote(similarities: Features, labels: Labels) -> Labels:
    """Return the class (m,) that the nearest of each row of similarities (m, N) vote for."""
    k = min(NEIGHBORS, similarities.shape[1])
    nearest = np.argpartition(-similarities, k - 1, axis=1)[:, :k]
    weights = np.take_along_axis(similarities, nearest, axis=1).astype(np.float64)
    weights = np.where(np.isfinite(weights), weights + 1, 0)  # cosines of -1..1 to 0..2
    votes = np.zeros((len(similarities), int(labels.max()) + 1))
    np.add.at(votes, (np.arange(len(similarities))[:, None], labels[nearest]), weights)
    winners: Labels = votes.argmax(axis=1)
    return winners


def _labeled_unit_rows(features: Features, labels: Labels) -> tuple[Features, Labels]:
    """Return the rows (n, D) that have a label, scaled to unit length, and their labels (n,)."""
    rows = np.flatnonzero(labels != UNLABELED)
    selected = np.asarray(features)[rows].astype(np.float32, copy=False)  # indexing copies
    lengths = np.linalg.norm(selected, axis=1, keepdims=True)
    selected /= np.maximum(lengths, np.finfo(np.float32).tiny)
    return selected, labels[rows]
