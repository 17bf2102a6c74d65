"""Diverse images whose predicted class does not withstand dropout (DropQuery)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.last_layer import dropout_changes, dropout_flips
from rayal.kernels.over_classes import Combination
from rayal.kernels.validation import check_finite
from rayal.strategies._candidates import diverse_candidates

ENOUGH = 25  # candidates for each image that is asked for (Gupte et al. 2024)


@strategy(needs={"hidden", "last_layer"}, multilabel=True, added={"over_classes"})
def dropquery(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    passes: PositiveInt = 3,
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.75,
    over_classes: Combination = "maximum",
) -> Indices:
    """Cluster images whose predicted class changes under dropout into K = B; take one of each.

    Gupte et al., "Revisiting Active Learning in the Era of Vision Foundation Models", TMLR 2024.
    Dropout is applied to the input of the last layer, whether or not the learner was trained so.
    Candidates are images that more than half of the passes give another class; half is lowered,
    pass by pass down to none, until there are 25 B. The one nearest to each center of their
    unit-length features is taken. The paper begins with `kmeans`: name it under `initial`.

    Cost: O(T N H C), then k-means on the candidates.

    Use: from the second query on, with few labels per class, if the features are already good.

    Source: Gupte et al. 2024.

    Args:
        pool: what the learner's last layer sees (N, H), and the layer's weights (C, H + 1).
        budget: B.
        rng: of the inputs dropped and the clustering; draws what fills up.
        passes: T.
        rate: fraction of the inputs that is dropped.
        over_classes: where an image may have several classes, each is decided for itself; what
            counts is the maximum or the mean over the classes of how many passes decide otherwise.

    Returns:
        (B,) positions.

    Raises:
        ValueError: NaN or infinity in what the last layer sees.
    """
    left = pool.unlabeled
    check_finite(pool.penultimate_features, "what the last layer sees")
    hidden = pool.penultimate_features[left]
    if pool.multilabel:
        flips = dropout_flips(hidden, pool.last_layer, passes, rate, rng)
        changes = flips.max(axis=1) if over_classes == "maximum" else flips.mean(axis=1)
    else:
        changes = dropout_changes(hidden, pool.last_layer, passes, rate, rng)
    threshold = passes // 2
    while threshold > 0 and np.sum(changes > threshold) < ENOUGH * budget:
        threshold -= 1
    return diverse_candidates(pool, left[changes > threshold], budget, rng)
