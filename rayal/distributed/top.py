"""The highest scores of a pool, and rows at random: the highest of random scores.

Each shard gives its B best, and of these the B best are the pool's. Equal scores come in an order
drawn by the seed from the rows' positions: a pool stored class by class would otherwise be asked
about one class. Answers are those of one sort of the pool, whatever the shards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.distributed.executor import Executor
from rayal.distributed.row_keys import row_keys
from rayal.distributed.shard_rows import ShardRows
from rayal.kernels import uncertainty
from rayal.storage.shard_set import ShardSet

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Best = tuple[Float64, UInt64, Int64]  # scores, keys and positions, best first

ROWS = 65_536  # whose probabilities are looked at at once
OF_PROBS: dict[str, Callable[[Float64], Float64]] = {
    "entropy": uncertainty.entropy,
    "margin": uncertainty.negative_margin,
    "least_confidence": lambda probs: -uncertainty.top(probs),
}


def highest(
    executor: Executor, shards: ShardSet, score: str, labeled: Int64, budget: int, seed: int
) -> Int64:
    """Return the positions (B,) of the highest scores, best first.

    Args:
        executor: who does the work.
        shards: the pool.
        score: "random", "scores" (kept with the rows), or one of their probabilities: "entropy",
            "margin", "least_confidence".
        labeled: (L,) ascending positions that are passed over.
        budget: B.
        seed: draws the order of equal scores, and random ones.
    """
    parts = executor.parts(shards, TopPart, score, labeled, seed)
    best: Best = parts.combined(partial(_better, budget=budget), "best", budget)
    return best[2]


def _better(first: Best, second: Best, budget: int) -> Best:
    """Return the best of what shards gave."""
    scores, keys, positions = (np.concatenate(each) for each in zip(first, second, strict=True))
    order = _best_first(scores, keys, budget)
    return scores[order], keys[order], positions[order]


class TopPart:
    """Scores of one shard."""

    def __init__(self, rows: ShardRows, score: str, labeled: Int64, seed: int) -> None:
        self._rows, self._score, self._seed = rows, score, seed
        inside = (labeled >= rows.start) & (labeled < rows.start + rows.rows)
        self._labeled = labeled[inside] - rows.start

    def best(self, budget: int) -> Best:
        """Return the B best rows, or all where there are fewer."""
        keys = row_keys(self._seed, self._rows.start, self._rows.rows)
        left = np.ones(self._rows.rows, dtype=bool)
        left[self._labeled] = False
        rows = np.flatnonzero(left)
        scores, keys = scores_of(self._rows, self._score)[rows], keys[rows]
        order = _best_first(scores, keys, budget)
        return scores[order], keys[order], rows[order] + self._rows.start


def scores_of(rows: ShardRows, score: str) -> Float64:
    """Return the scores (n,) of a shard, the higher the sooner asked for."""
    if score == "random":
        return np.zeros(rows.rows)
    if score == "scores":
        return rows.scores.astype(np.float64)
    starts = range(0, rows.rows, ROWS)
    of_probs = OF_PROBS[score]
    return np.concatenate(
        [of_probs(_float64(rows.probs[start : start + ROWS])) for start in starts]
    )


def _float64(array: npt.NDArray[Any]) -> Float64:
    return np.asarray(array, dtype=np.float64)


def _best_first(scores: Float64, keys: UInt64, budget: int) -> Int64:
    """Return where the B highest scores stand, best first; equal ones by ascending key."""
    count = min(budget, len(scores))
    if count < len(scores):
        threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
        above = np.flatnonzero(scores > threshold)
        equal = np.flatnonzero(scores == threshold)
        missing = count - len(above)
        equal = equal[np.argpartition(keys[equal], missing - 1)[:missing]]
        kept = np.concatenate([above, equal])
    else:
        kept = np.arange(len(scores))
    return np.asarray(kept[np.lexsort((keys[kept], -scores[kept]))], dtype=np.int64)
