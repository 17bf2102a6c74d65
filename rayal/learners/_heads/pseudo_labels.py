"""Labels that the learner gives itself: predictions it is sure of (CEAL, Wang et al. 2017)."""

from __future__ import annotations

import numpy as np

from rayal.contracts import UNLABELED, Labels, Probs, Task
from rayal.kernels import uncertainty


def with_earlier(task: Task, threshold: float, decay: float) -> Labels:
    """Return the labels (N,) of a task, and those that the round before was sure of.

    Args:
        task: where `previous_predictions` is None, its own labels are all.
        threshold: nats, in round 0.
        decay: what the threshold falls by each round, to 0 at the least.
    """
    if task.previous_predictions is None:
        return task.labels
    return with_confident(
        task.labels, task.previous_predictions.pool, max(threshold - decay * task.round, 0.0)
    )


def with_confident(labels: Labels, probs: Probs, threshold: float) -> Labels:
    """Return the labels (N,), and the predicted class where the entropy is below the threshold.

    A label that was given is never changed. A saturated prediction has an entropy of 0 and is sure
    at every threshold above 0; at a threshold of 0 none is.

    Args:
        labels: (N,), UNLABELED where unknown.
        probs: (N, C), the learner's of the round before.
        threshold: nats.
    """
    unsure = uncertainty.entropy(probs.astype(np.float64)) >= threshold
    return np.where((labels == UNLABELED) & ~unsure, probs.argmax(axis=1), labels)
