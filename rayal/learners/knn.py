"""Nearest labeled images by cosine similarity (low-budget paper, section 4)."""

from __future__ import annotations

import faiss
import numpy as np
from pydantic import PositiveInt

from rayal.contracts import Features, Predictions, Probs, Task, learner
from rayal.kernels.clustering import unit_rows


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
    index = faiss.IndexFlatIP(task.train.shape[1])
    index.add(unit_rows(task.train[task.labeled]))
    votes = np.eye(task.num_classes, dtype=np.float32)[task.labels[task.labeled]]

    def predict(features: Features) -> Probs:
        neighbors = index.search(unit_rows(features), min(k, index.ntotal))[1]
        shares: Probs = votes[neighbors].mean(axis=1)
        return shares

    views = task.views
    return Predictions(
        test=predict(task.test),
        predict_pool=lambda: predict(task.train),
        predict_views=None if views is None else lambda: map(predict, views),
        penultimate_features=lambda: unit_rows(task.train),
    )
