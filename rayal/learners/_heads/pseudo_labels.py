"""Labels that the learner gives itself: predictions it is sure of (CEAL, Wang et al. 2017).

Sure are, by the rule `ceal`, low entropies; by `nearest_center`, as CEAL(MSAL) has it (Kasarla et
al., section 4.2), outputs close to the prototype of their class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from rayal.contracts import UNLABELED, Features, Labels, Probs, Task
from rayal.kernels import prototypes, uncertainty

Rule: TypeAlias = Literal["ceal", "nearest_center"]


def check_rule(learner: str, params: Mapping[str, Any]) -> None:
    """Refuse a rule that reads prototypes where the learner has none.

    Raises:
        ValueError: `nearest_center` without `prototypes`.
    """
    if params["pseudo_labels"] == "nearest_center" and not params["prototypes"]:
        raise ValueError(
            f"{learner}: pseudo_labels=nearest_center measures the distance to class prototypes, "
            "and prototypes=false; set prototypes: true, or pseudo_labels: ceal"
        )


def with_earlier(task: Task, threshold: float, decay: float, rule: Rule = "ceal") -> Labels:
    """Return the labels (N,) of a task, and those that the round before was sure of.

    Args:
        task: where `previous_predictions` is None, its own labels are all.
        threshold: in round 0: nats, or one less the cosine to the nearest prototype.
        decay: what the threshold falls by each round, to 0 at the least.
        rule: what makes a prediction sure.
    """
    previous = task.previous_predictions
    if previous is None:
        return task.labels
    threshold = max(threshold - decay * task.round, 0.0)
    if rule == "ceal":
        return with_confident(task.labels, previous.pool, threshold)
    if previous.prototype_outputs is None:
        raise ValueError("the round before has no outputs before prototypes")
    return with_nearest(task.labels, previous.prototype_outputs(), threshold)


def joined(task: Task, labels: Labels, rule: Rule | None) -> Labels | None:
    """Return the labels (N,) that training has beyond a task's own; None without a rule."""
    if rule is None:
        return None
    return np.where(task.labels == UNLABELED, labels, UNLABELED)


def with_nearest(labels: Labels, outputs: Features, threshold: float) -> Labels:
    """Return the labels (N,), and the nearest prototype's class where it is near enough.

    A label that was given is never changed.

    Args:
        labels: (N,), UNLABELED where unknown.
        outputs: (N, C - 1) before the prototypes, the learner's of the round before.
        threshold: of one less the cosine to the nearest prototype; at 0 none is near.
    """
    cosines = prototypes.cosines(outputs)
    near = 1 - cosines.max(axis=1) < threshold
    return np.where((labels == UNLABELED) & near, cosines.argmax(axis=1), labels)


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
