"""Pools of points with labels, as the statistics of a labeling project read them."""

import numpy as np

from rayal.contracts import UNLABELED
from rayal.labeling.labeled import LabeledPool


def clusters(
    count: int = 600, *, classes: int = 4, spread: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return points (N, 16) around a center for each class, and their classes (N,)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    centers = rng.normal(size=(classes, 16))
    points = centers[truth] + spread * rng.normal(size=(count, 16))
    return points.astype(np.float32), truth


def labeled(points, truth, train, audit=(), *, rounds=None, groups=None) -> LabeledPool:
    """Return a pool whose images of `train` and `audit` are labeled truly."""
    labels = np.full(len(points), UNLABELED)
    audited = np.zeros(len(points), dtype=bool)
    audited[list(audit)] = True
    for rows in (train, audit):
        labels[list(rows)] = truth[list(rows)]
    return LabeledPool(
        points, labels, tuple(f"class {c}" for c in range(4)),
        np.arange(len(points)) if groups is None else groups, audited,
        np.zeros(len(points), dtype=np.int64) if rounds is None else rounds,
        np.zeros(len(points), dtype=bool),
    )  # fmt: skip
