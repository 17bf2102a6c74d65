"""Turning scores and groups into one ranking, whose prefixes are the answers to all budgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def highest_first(
    scores: npt.NDArray[np.floating[Any]], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return positions (N,) by descending score (N,).

    Equal scores are shuffled: by position, a pool stored class by class would be asked about one
    class, and a classifier that is sure of everything gives nothing but equal scores.
    """
    shuffled = rng.permutation(len(scores))
    return shuffled[np.argsort(-scores[shuffled], kind="stable")]


def round_robin(
    ranking: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Take the best of each group in turn, then the second of each, and so on.

    Every prefix holds equal numbers of each group, give or take one, until a group is exhausted;
    exhausted groups are passed over.

    Args:
        ranking: (N,) positions, best first.
        groups: the group (0 to G - 1) of each position.
        order: (G,) groups in the order in which they take turns.
    """
    group = groups[ranking]
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=len(order))
    starts = np.cumsum(sizes) - sizes
    turn = np.empty(len(ranking), dtype=np.int64)
    turn[by_group] = np.arange(len(ranking)) - np.repeat(starts, sizes)
    seat = np.empty(len(order), dtype=np.int64)
    seat[order] = np.arange(len(order))
    return ranking[np.lexsort((seat[group], turn))]
