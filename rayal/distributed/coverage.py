"""Coverage of a pool in levels: parts of it first, then what they chose (facility location).

The objective of a choice S with labeled rows L is the mean over the pool's rows x of the largest
k(x, s), s in S and L; k is the cosine, at least 0, or, for coverage by balls, whether the distance
of unit-length rows is below a radius. It is greedy in parts of the pool, which are drawn at random
by rows' positions (RandGreeDi, Barbosa et al. 2015); what they choose is pooled and cut into parts
again until one is left (GreedyML, Gopal et al. 2024). Above the first level what a choice is worth
is measured on a random sample of the pool, drawn anew for each level: candidates that were chosen
to cover a sample look better on it than others.

In expectation the value is at least (1 - 1/e) / levels of the largest possible, less the
error of the samples; measured it is far closer to that of the undivided greedy choice. Parts do not
depend on the shards, nor does the answer.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rayal.distributed.executor import Executor
from rayal.distributed.row_keys import keys_at, row_keys
from rayal.distributed.shard_rows import ShardRows, rows_at
from rayal.seeds import generator, integer
from rayal.storage.shard_set import ShardSet

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

PART = 8192  # rows whose similarities are held at once: 268 MB
BLOCK = 1024


@dataclass(frozen=True)
class Covering:
    """Positions (B,) in the order of the choice; value: mean of the best similarity over all rows.

    levels: in how many the choice was made; bound: the part of the largest possible value that is
    certain in expectation, but for the error of samples.
    """

    positions: Int64
    value: float
    levels: int

    @property
    def bound(self) -> float:
        greedy = 1 - 1 / np.e
        return float(greedy if self.levels == 1 else greedy / self.levels)


def coverage(  # noqa: PLR0913  the objective's parts, and where the rows lie
    executor: Executor,
    shards: ShardSet,
    labeled: Int64,
    budget: int,
    seed: int,
    radius: float | None = None,
    part: int = PART,
) -> Covering:
    """Choose rows that cover the pool.

    Args:
        executor: who does the work.
        shards: the pool.
        labeled: (L,) positions that cover it already.
        budget: B.
        seed: draws parts and sample.
        radius: of balls, of unit-length rows, up to 2; None for cosines.
        part: rows of a part, at most.

    Returns:
        The choice; where nothing adds anything any more, rows by their random keys make up B.

    Raises:
        ValueError: a budget above half a part, of a pool of several.
    """
    check_budget(shards.rows, budget, part)
    job = _Job(shards, np.sort(labeled), budget, radius, seed)
    try:
        return _in_levels(executor, job, _in_random_order(shards, seed), part)
    finally:
        _room.cache_clear()


def check_budget(rows: int, budget: int, part: int = PART) -> None:
    """Refuse a budget above half a part, of a pool of several.

    Raises:
        ValueError: it is.
    """
    if rows > part and budget > part // 2:
        raise ValueError(
            f"a budget of {budget:,} is too large for coverage in parts of {part:,} rows: ask for "
            f"at most {part // 2:,}, or use kmeans"
        )


@dataclass(frozen=True)
class _Job:
    shards: ShardSet
    labeled: Int64
    budget: int
    radius: float | None
    seed: int


def _in_levels(executor: Executor, job: _Job, every: Int64, part: int) -> Covering:
    """Choose from all positions (N,), which are in a random order."""
    candidates, levels = every, 0
    while levels == 0 or len(candidates) > part:
        cut = [np.sort(each) for each in _parts(candidates, part)]
        grounds = cut if levels == 0 else [_sample(job, levels, part)] * len(cut)
        chosen = executor.map(_greedy_part, list(zip(cut, grounds, strict=True)), job)
        levels += 1
        if len(cut) == 1:
            return _answer(executor, job, chosen[0], every, levels)
        candidates = _shuffled(np.concatenate(chosen), job.seed, levels)
    last = _greedy_part((np.sort(candidates), _sample(job, levels, part)), job)
    return _answer(executor, job, last, every, levels + 1)


def _in_random_order(shards: ShardSet, seed: int) -> Int64:
    return np.argsort(row_keys(seed, 0, shards.rows), kind="stable")


def _shuffled(positions: Int64, seed: int, level: int) -> Int64:
    keys = keys_at(_seed_of(seed, "parts", level), positions)
    return positions[np.argsort(keys, kind="stable")]


def _sample(job: _Job, level: int, size: int) -> Int64:
    """Return so many positions, ascending, that say at a level what a choice is worth."""
    keys = row_keys(_seed_of(job.seed, "sample", level), 0, job.shards.rows)
    return np.sort(np.argpartition(keys, size - 1)[:size])


def _seed_of(seed: int, use: str, level: int) -> int:
    return integer(generator("coverage", use, seed, level))


def _parts(positions: Int64, size: int) -> list[Int64]:
    """Cut positions into as few parts of nearly equal size as there can be."""
    return np.array_split(positions, -(-len(positions) // size))


def _answer(executor: Executor, job: _Job, chosen: Int64, every: Int64, levels: int) -> Covering:
    """Make up the number, and measure the value over all rows."""
    taken = np.concatenate([chosen, job.labeled])
    lacking = job.budget - len(chosen)
    more = [p for p in every[: len(taken) + lacking] if p not in set(taken.tolist())][:lacking]
    positions = np.concatenate([chosen, np.array(more, dtype=np.int64)])
    centers = rows_at(job.shards, np.concatenate([positions, job.labeled]), unit=True)
    parts = executor.parts(job.shards, ValuePart, centers, job.radius, unit=True)
    return Covering(positions, sum(parts.query("value")) / job.shards.rows, levels)


class ValuePart:
    """What a choice is worth to one shard's rows."""

    def __init__(self, rows: ShardRows, centers: Float32, radius: float | None) -> None:
        self._rows, self._centers, self._radius = rows, centers, radius

    def value(self) -> float:
        """Return the sum of the rows' best similarities."""
        blocks = (block for _, block in self._rows.in_turn(BLOCK))
        best = (similarity(block, self._centers, self._radius).max(axis=1) for block in blocks)
        return float(sum(each.sum(dtype=np.float64) for each in best))


def similarity(
    rows: Float32, others: Float32, radius: float | None, out: Float32 | None = None
) -> Float32:
    """Return k(x, s) (n, m) of unit-length rows (n, D) and others (m, D), in `out` where given."""
    cosines: Float32 = np.matmul(rows, others.T, out=out)
    if radius is None:
        return np.maximum(cosines, 0, out=cosines)
    cosines[:] = cosines > 1 - radius**2 / 2  # |x - s|^2 = 2 - 2 cos
    return cosines


def _greedy_part(cut: tuple[Int64, Int64], job: _Job) -> Int64:
    """Choose from candidates (m,) what covers a ground (n,) of rows best.

    Of candidates that add as much, as balls of few rows do, it is the first in a drawn order: by
    position it would be those of the first class of a pool that is stored class by class.
    """
    candidates, ground = cut
    left = np.setdiff1d(candidates, job.labeled, assume_unique=True)
    free = _shuffled(left, job.seed, 0)
    if not len(free):
        return free
    rows = rows_at(job.shards, ground, unit=True)
    covered = np.zeros(len(rows), dtype=np.float32)
    for start in range(0, len(job.labeled), BLOCK):
        some = rows_at(job.shards, job.labeled[start : start + BLOCK], unit=True)
        np.maximum(covered, similarity(rows, some, job.radius).max(axis=1), out=covered)
    columns = _room(len(candidates) * len(rows))[: len(free) * len(rows)].reshape(-1, len(rows))
    are_ground = np.array_equal(candidates, ground)
    own = (
        rows[np.searchsorted(ground, free)] if are_ground else rows_at(job.shards, free, unit=True)
    )
    for start in range(0, len(free), BLOCK):
        block = slice(start, start + BLOCK)
        similarity(own[block], rows, job.radius, out=columns[block])
    return free[greedy(columns, covered, job.budget)]


@lru_cache(maxsize=1)
def _room(size: int) -> Float32:
    """Return memory for a part's similarities, kept for the next part of that size.

    The first touch of new memory takes about as long as the products that are written there.
    """
    return np.empty(size, dtype=np.float32)


def greedy(columns: Float32, covered: Float32, budget: int) -> Int64:
    """Return at most `budget` candidates, each adding most to sum_x max_s k(x, s); lazy greedy.

    Ties go to the lowest. It ends where nothing adds anything.

    Args:
        columns: (m, n) similarity of m candidates to n rows.
        covered: (n,) of each row to what is there already.
        budget: at least 1.
    """
    covered, gained, ones = covered.copy(), np.empty_like(covered), np.ones_like(covered)

    def gain(candidate: int) -> float:
        np.subtract(columns[candidate], covered, out=gained)
        np.maximum(gained, 0, out=gained)
        return float(gained @ ones)  # a dot product is the quickest of sums

    heap = [(-gain(candidate), candidate) for candidate in range(len(columns))]
    heapq.heapify(heap)
    known_at = dict.fromkeys(range(len(columns)), 0)
    picks: list[int] = []
    while heap and len(picks) < budget:
        bound, candidate = heap[0]
        if bound == 0:
            break
        if known_at[candidate] != len(picks):
            known_at[candidate] = len(picks)
            heapq.heapreplace(heap, (-gain(candidate), candidate))
            continue
        heapq.heappop(heap)
        np.maximum(covered, columns[candidate], out=covered)
        picks.append(candidate)
    return np.array(picks, dtype=np.int64)
