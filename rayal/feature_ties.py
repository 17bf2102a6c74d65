"""How many images their features tell apart: among equal ones no strategy can choose.

Ties go to the lowest position, so that a pool that was sorted by class would be chosen from its
beginning. Letters as in `rayal.contracts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from rayal.contracts import Features, Pool
from rayal.kernels.clustering import unit_rows
from rayal.kernels.gemm_distances import chunks
from rayal.kernels.unique_rows import distinct_rows
from rayal.registry import Component
from rayal.traits import StrategyTraits

ANGLE = 1e-6  # between directions that 32-bit floats do not tell apart
COMMON = 1e-5  # of a row's length: 32-bit numbers leave differences as small three digits
_GRID = 1e-5  # on which projections of directions are compared
_PROJECTIONS = 3
_SEED = 21  # any: projections are compared with one another alone


class EqualFeaturesError(Exception):
    """Features tell fewer images apart than are asked for; the message ends with "equal ones"."""


def refuse_alike(
    component: Component[StrategyTraits], bound: Mapping[str, Any], features: Features
) -> None:
    """Refuse features (N, D) by which a strategy with these parameters cannot choose at all.

    Raises:
        ValueError: they are the same in all rows, as the strategy sees them.
    """
    strategy = f"strategy '{component.name}'"
    if are_alike(features, unit_length=False):
        raise ValueError(
            f"{strategy} chooses by features, and features are the same in all {len(features)} "
            "rows: whatever it chose would be no choice"
        )
    if component.traits.unit_length(bound) and are_alike(features, unit_length=True):
        off = "normalize=False, " if "normalize" in component.parameters else ""
        raise ValueError(
            f"{strategy} chooses by features scaled to unit length, which are the same in all "
            f"{len(features)} rows, as where there is one column, or one row and its multiples: "
            "subtract the mean, as features - features.mean(axis=0), or use "
            f"{off}a strategy that sees lengths, such as k_center"
        )


def check_apart(
    component: Component[StrategyTraits], bound: Mapping[str, Any], features: Features, budget: int
) -> None:
    """Tell that a strategy has to choose among equal features (N, D).

    Raises:
        EqualFeaturesError: they tell fewer images apart than `budget`.
    """
    unit_length = component.traits.unit_length(bound)
    different = count_different(features, budget, unit_length=unit_length)
    if different < min(budget, len(features)):
        scaled = ", scaled to unit length," if unit_length else ""
        raise EqualFeaturesError(
            f"features{scaled} tell {different} of {len(features)} images apart, fewer than "
            f"budget={budget}: strategy '{component.name}' takes equal ones"
        )


def common_part(features: Features) -> str:
    """Say that all rows (N, D) are nearly the same beside what they have in common; else "".

    Where they differ by less than a hundred-thousandth of their length, not much of a difference is
    left in 32 bits, less of one between rows scaled to unit length.
    """
    if len(features) < 2:
        return ""
    first = features[0].astype(np.float64)
    limit = COMMON**2 * float(first @ first)
    for rows in chunks(len(features)):
        away = features[rows] - first
        if np.einsum("nd,nd->n", away, away).max() > limit:
            return ""
    return (
        f"all {len(features):,} rows of features differ by less than {COMMON:g} of their length, "
        "which 32-bit numbers hardly tell apart, so the choice may be no better than chance: "
        "subtract the mean, as features - features.mean(axis=0)"
    )


def watched_pool(on_read: Callable[[], None]) -> type[Pool]:
    """Return a kind of pool that calls a function before its features are read."""

    class WatchedPool(Pool):
        def __getattribute__(self, name: str) -> Any:
            if name == "features":
                on_read()
            return super().__getattribute__(name)

    return WatchedPool


def watched(pool: Pool, on_read: Callable[[], None]) -> Pool:
    """Return a pool that calls a function before its features are read."""
    return watched_pool(on_read)(
        **{field.name: getattr(pool, field.name) for field in fields(pool)}
    )


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
