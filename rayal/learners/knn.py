"""Nearest labeled images by cosine similarity (low-budget paper, section 4)."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Features, Indices, Predictions, Probs, Task, learner
from rayal.kernels.clustering import unit_rows
from rayal.kernels.common_part import large_common_part, without


@learner(gives={"hidden", "views"})
def knn(task: Task, rng: np.random.Generator, *, k: PositiveInt = 1) -> Predictions:
    """Predict the share of each class among the k most similar labeled images.

    Nothing is drawn from `rng`. Of equally similar images faiss takes the one with the lowest
    position for k = 1; for larger k its choice at the k-th place is fixed but not by position.

    Args:
        task: at least one label.
        rng: unused.
        k: neighbors; at most as many as there are labels.
    """
    task.require_label("knn", "compare with")
    nearest = _searcher(unit_rows(task.train[task.labeled]))
    votes = np.eye(task.num_classes, dtype=np.float32)[task.labels[task.labeled]]

    def predict(features: Features) -> Probs:
        shares: Probs = votes[nearest(unit_rows(features), min(k, len(votes)))].mean(axis=1)
        return shares

    views = task.views
    return Predictions(
        test=predict(task.test),
        predict_pool=lambda: predict(task.train),
        predict_views=None if views is None else lambda: map(predict, views),
        penultimate_features=lambda: unit_rows(task.train),
    )


def _searcher(known: Features) -> Callable[[Features, int], Indices]:
    """Return what finds for unit rows (n, D) the k known unit rows most similar to each, (n, k).

    Beside a long common part cosines are all one in 32 bits, and distances without it are not.
    """
    common = large_common_part(known) if known.any(axis=1).all() else None
    width = known.shape[1]
    index = faiss.IndexFlatIP(width) if common is None else faiss.IndexFlatL2(width)
    index.add(without(known, common))
    return lambda rows, k: np.asarray(index.search(without(rows, common), k)[1], dtype=np.int64)
