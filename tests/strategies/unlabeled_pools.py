"""Pools of features for strategies that read nothing else."""

import numpy as np

from rayal.contracts import UNLABELED, Pool


def pool_of(features: np.ndarray, labeled: list[int] | None = None, num_classes: int = 2) -> Pool:
    """Return a pool of features (N, D), of which these positions have the label 0."""
    labels = np.full(len(features), UNLABELED)
    labels[labeled or []] = 0
    return Pool(features.astype(np.float32), labels, num_classes)
