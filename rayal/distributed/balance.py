"""The class-balanced program over shards (CBAL, Eq. 8-9), with the bound of the whole pool.

    min over z in {0, 1}^N, sum z = b, of  costs'z + weight * ||target - P'z||_1

Its dual has C numbers y. Under them only rows whose value, costs - P y, is among the lowest can
matter: these are fetched, the program is solved on them alone, and each shard is asked whether the
y found there makes any other row cheap enough. Where none is, relaxation, bound and search are
those of all N rows. `rayal.kernels.balance.solve` is the twin on one machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from rayal.distributed.executor import Executor, Parts
from rayal.distributed.row_keys import UInt64, keys_at, row_keys
from rayal.distributed.shard_rows import ShardRows
from rayal.distributed.top import scores_of
from rayal.kernels.balance import Balanced
from rayal.kernels.balance.certified import QUICK, certified
from rayal.kernels.balance.dual import Relaxation, centered, relax
from rayal.kernels.balance.problem import Problem, checked_problem
from rayal.kernels.balance.search import WINDOW
from rayal.kernels.ranking import first_of_each
from rayal.kernels.unique_rows import groups_of_equals
from rayal.storage.shard_set import ShardSet

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Edge = tuple[Float64, float]  # multipliers y (C,), and the value up to which rows can matter

SMALL = 20_000  # rows that are fetched all
SAMPLE = 8192  # rows whose program gives the first multipliers
FETCHED = 20_000  # rows at most that one look at the pool brings
ROUNDS = 40


@dataclass(frozen=True)
class Rows:
    """Rows that take part: positions (n,) ascending, costs (n,), probs (n, C)."""

    positions: Int64
    costs: Float64
    probs: Float32

    def __len__(self) -> int:
        return len(self.positions)


def balanced(  # noqa: PLR0913  the program's parts, and where its rows lie
    executor: Executor,
    shards: ShardSet,
    score: str,
    labeled: Int64,
    target: Float64,
    budget: int,
    weight: float,
    seed: int,
) -> Balanced:
    """Return positions of high scores whose expected classes are those wanted, and how good.

    Args:
        executor: who does the work.
        shards: the pool; its rows have probabilities.
        score: as in `top.highest`; costs are the negative scores.
        labeled: (L,) ascending positions that are passed over.
        target: (C,) images wanted of each class.
        budget: b.
        weight: of the L1 term, at least 0.
        seed: draws the sample by which the multipliers are first guessed, and among rows of equal
            scores and probabilities.

    Raises:
        ValueError: as `rayal.kernels.balance.solve`.
    """
    parts = executor.parts(shards, BalancePart, score, labeled)
    everything = shards.rows - len(labeled)
    with threadpool_limits(limits=1):
        known = _first_rows(parts, seed, everything, target, budget, weight)
        for _ in range(ROUNDS):
            problem = checked_problem(known.costs, known.probs, target, budget, weight)
            relaxation = relax(problem)
            edges = _edges(problem, relaxation)
            new = [] if len(known) == everything else parts.query("below", edges, known.positions)
            entering = merged(new)
            if not len(entering):
                return _answer(problem, relaxation, known, parts, seed)
            known = _joined(known, entering)
    raise RuntimeError(f"the multipliers did not settle in {ROUNDS} looks at the pool")


def _answer(
    problem: Problem, relaxation: Relaxation, known: Rows, parts: Parts, seed: int
) -> Balanced:
    chosen, bound = certified(problem, relaxation, QUICK)
    chosen = np.sort(chosen)
    chosen = chosen[np.argsort(problem.costs[chosen], kind="stable")]
    objective = problem.objective(chosen)
    rounding = max(problem.rounding, _rounding(problem, parts.query("size")))
    bound = min(bound - (rounding - problem.rounding), objective)
    left = objective - bound
    gap = 0.0 if left <= 8 * rounding else left / max(abs(objective), np.finfo(np.float64).tiny)
    drawn = _drawn_among_equals(parts, _some(known, chosen), problem.weight, seed)
    return Balanced(drawn, objective, bound, gap)


def _drawn_among_equals(parts: Parts, chosen: Rows, weight: float, seed: int) -> Int64:
    """Return positions (b,), of rows with a chosen one's cost and classes those of the lowest keys.

    The program takes these by position, in a pool stored class by class all of one class. In the
    order of cost, then key; without weight the classes do not matter.
    """
    probs = chosen.probs if weight else chosen.probs[:, :0]
    kinds = groups_of_equals(chosen.costs, probs)
    _, first, counts = np.unique(kinds, return_index=True, return_counts=True)
    answers = parts.query("equals", chosen.costs[first], probs[first], counts, seed)
    of, keys, positions = (np.concatenate(each) for each in zip(*answers, strict=True))
    order = np.lexsort((keys, chosen.costs[first][of]))
    return np.asarray(positions[first_of_each(order, of, counts)])


def _rounding(problem: Problem, sizes: Sequence[tuple[float, float]]) -> float:
    """Return `Problem.rounding` with the largest cost and row of all shards."""
    costs, rows = (max(each) for each in zip(*sizes, strict=True))
    row = costs + problem.weight * rows
    targets = problem.weight * float(np.abs(problem.target).sum())
    terms = len(problem.target) + 4
    return float(4 * np.finfo(np.float64).eps * terms * (problem.budget * row + targets))


def _first_rows(
    parts: Parts, seed: int, everything: int, target: Float64, budget: int, weight: float
) -> Rows:
    """Return all rows of a small pool; of others those that a sample's multipliers make cheap."""
    if everything <= SMALL:
        return merged(parts.query("sample", seed, everything))
    sample = _nearest_keys(parts.query("sample", seed, SAMPLE), seed)
    share = len(sample) / everything
    of_sample = checked_problem(
        sample.costs, sample.probs, target * share, max(1, round(budget * share)), weight
    )
    y = relax(of_sample).y
    wanted = min(budget + FETCHED, everything)
    return _lowest(merged(parts.query("lowest", y, wanted)), y, wanted)


def _edges(problem: Problem, relaxation: Relaxation) -> list[Edge]:
    """Return for both sets of multipliers that are used the value beyond which nothing matters."""
    rank = min(problem.budget + WINDOW, len(problem.costs)) - 1
    return [
        (each.y, float(np.partition(each.values, rank)[rank]))
        for each in (relaxation, centered(problem, relaxation))
    ]


class BalancePart:
    """Costs and probabilities of one shard's rows that have no label."""

    def __init__(self, rows: ShardRows, score: str, labeled: Int64) -> None:
        left = np.ones(rows.rows, dtype=bool)
        left[labeled[(labeled >= rows.start) & (labeled < rows.start + rows.rows)] - rows.start] = 0
        self._at = np.flatnonzero(left)
        self._costs = -scores_of(rows, score)[self._at]
        self._probs, self._start = rows.probs, rows.start

    def size(self) -> tuple[float, float]:
        """Return the largest size of a cost, and the largest sum of a row's probabilities."""
        if not len(self._at):
            return 0.0, 0.0
        sums = self._probs.sum(axis=1, dtype=np.float64)
        return float(np.abs(self._costs).max()), float(sums[self._at].max())

    def sample(self, seed: int, count: int) -> Rows:
        """Return the rows with the lowest random keys."""
        keys = row_keys(seed, self._start, len(self._probs))[self._at]
        return self._rows(np.argsort(keys, kind="stable")[:count])

    def lowest(self, y: Float64, count: int) -> Rows:
        """Return the rows with the lowest values under multipliers y (C,)."""
        return self._rows(np.argsort(self._values(y), kind="stable")[:count])

    def below(self, edges: Sequence[Edge], known: Int64) -> Rows:
        """Return the lowest rows with values below one of the edges that are not known (m,)."""
        cheap = np.zeros(len(self._at), dtype=bool)
        cheapest = np.full(len(self._at), np.inf)
        for y, edge in edges:
            under = self._values(y) - edge
            cheap |= under < 0
            np.minimum(cheapest, under, out=cheapest)
        cheap[np.isin(self._at + self._start, known, assume_unique=True)] = False
        entering = np.flatnonzero(cheap)
        return self._rows(entering[np.argsort(cheapest[entering], kind="stable")[:FETCHED]])

    def equals(
        self, costs: Float64, probs: Float32, counts: Int64, seed: int
    ) -> tuple[Int64, UInt64, Int64]:
        """Return rows equal to one of g by cost and probabilities, the `counts` of lowest keys.

        Which of the g (n,) each is, its key (n,) and its position (n,); of probs (g, 0) by cost.
        """
        rows = np.flatnonzero(np.isin(self._costs, costs))
        own = np.asarray(self._probs[self._at[rows]])[:, : probs.shape[1]]
        kinds = groups_of_equals(
            np.concatenate([costs, self._costs[rows]]), np.concatenate([probs, own])
        )
        of = np.full(kinds.max() + 1, -1)
        of[kinds[: len(costs)]] = np.arange(len(costs))
        of_row = of[kinds[len(costs) :]]
        rows, of_row = rows[of_row >= 0], of_row[of_row >= 0]
        positions = self._at[rows] + self._start
        keys = keys_at(seed, positions)
        lowest = first_of_each(np.argsort(keys, kind="stable"), of_row, counts)
        return of_row[lowest], keys[lowest], positions[lowest]

    def _values(self, y: Float64) -> Float64:
        """Return costs - P y (n,), class by class: no value depends on the rows around it."""
        values = self._costs.copy()
        for c, multiplier in enumerate(y):
            values -= self._probs[self._at, c].astype(np.float64) * multiplier
        return values

    def _rows(self, which: Int64) -> Rows:
        which = np.sort(which)
        at = self._at[which]
        return Rows(at + self._start, self._costs[which], np.asarray(self._probs[at]))


def merged(answers: Sequence[Rows]) -> Rows:
    """Return the rows of all shards, which come in ascending order."""
    if not answers:
        return Rows(np.empty(0, np.int64), np.empty(0), np.empty((0, 0), np.float32))
    fields = ((each.positions, each.costs, each.probs) for each in answers)
    positions, costs, probs = (np.concatenate(each) for each in zip(*fields, strict=True))
    return Rows(positions, costs, probs)


def _joined(known: Rows, entering: Rows) -> Rows:
    both = merged([known, entering])
    return _some(both, np.argsort(both.positions))


def _nearest_keys(answers: Sequence[Rows], seed: int) -> Rows:
    rows = merged(answers)
    keys = keys_at(seed, rows.positions)
    return _some(rows, np.sort(np.argsort(keys)[:SAMPLE]))


def _lowest(rows: Rows, y: Float64, count: int) -> Rows:
    values = rows.costs.copy()
    for c, multiplier in enumerate(y):
        values -= rows.probs[:, c].astype(np.float64) * multiplier
    return _some(rows, np.sort(np.argsort(values, kind="stable")[:count]))


def _some(rows: Rows, which: Int64) -> Rows:
    return Rows(rows.positions[which], rows.costs[which], rows.probs[which])
