"""How many images their features tell apart: among equal ones no strategy can choose.

Ties go to the lowest position, so that a pool that was sorted by class would be chosen from its
beginning. Letters as in `rayal.contracts`.
"""

from __future__ import annotations

import numpy as np

from rayal.contracts import Features
from rayal.kernels.clustering import unit_rows
from rayal.kernels.gemm_distances import chunks
from rayal.kernels.unique_rows import distinct_rows

ANGLE = 1e-6  # between directions that 32-bit floats do not tell apart
_GRID = 1e-5  # on which projections of directions are compared
_PROJECTIONS = 3
_SEED = 21  # any: projections are compared with one another alone


def are_alike(features: Features, *, unit_length: bool) -> bool:
    """Whether all rows (N, D), or all their directions, are the same; False for a single row."""
    if len(features) < 2:
        return False
    blocks = (features[rows] for rows in chunks(len(features)))
    if not unit_length:
        return all((rows == features[0]).all() for rows in blocks)
    first = unit_rows(features[:1])
    return all(np.abs(unit_rows(rows) - first).max() < ANGLE for rows in blocks)


def count_different(features: Features, enough: int, *, unit_length: bool) -> int:
    """Return how many rows (N, D), or directions, differ: exactly where fewer than `enough`.

    Of directions it is a high estimate, for nearly equal ones may lie on two sides of a grid line.
    """
    count = 0
    for rows in (features[: 4 * enough], features):  # the first rows alone mostly have enough
        points = _projections(rows) if unit_length else rows
        count = len(np.unique(distinct_rows(points)))
        if count >= enough or len(rows) == len(features):
            break
    return count


def _projections(features: Features) -> Features:
    """Return directions (N, D) projected to a grid in a few dimensions."""
    draw = np.random.default_rng(_SEED)
    onto = draw.normal(size=(features.shape[1], _PROJECTIONS))
    blocks = (unit_rows(features[rows]) for rows in chunks(len(features)))
    return np.concatenate([np.round(rows @ onto / _GRID).astype(np.float32) for rows in blocks])
