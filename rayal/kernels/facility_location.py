"""Facility location on a sparse kernel by lazy greedy choice (Minoux 1978), with a certificate."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rayal.kernels.two_hop_kernel import TwoHopKernel
from rayal.kernels.validation import check_budget

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Facilities:
    """A greedy choice.

    positions (n,), in the order of the choice; value: what they add to the objective; bound: no
    choice of B adds more. value / bound is proven of this choice, 1 - 1/e of every greedy one.
    """

    positions: Int64
    value: float
    bound: float

    @property
    def ratio(self) -> float:
        """The part of the largest possible value that is certain."""
        return max(self.value / self.bound, 1 - 1 / np.e) if self.bound > 0 else 1.0


def greedy_facility_location(
    kernel: csr_array | TwoHopKernel, labeled: Int64, budget: int
) -> Facilities:
    """Choose rows, each adding most to sum_x max_s k(x, s), until none adds anything.

    x runs over all rows, s over the labeled and those before it. Ties go to the lowest position,
    exactly where the kernel's numbers are whole multiples of a power of two. What a row adds never
    grows, so that most need not be worked out again: time O(E + N log N) in practice, E the numbers
    in the kernel.

    Args:
        kernel: (N, N), symmetric, at least 0.
        labeled: positions that are chosen already.
        budget: B, at most N less the number labeled.

    Raises:
        ValueError: where the budget is not between 1 and what is left.
    """
    N = kernel.shape[0]
    check_budget(budget, N - len(labeled))
    greedy = _Greedy(kernel)
    for row in labeled:
        greedy.cover_by(row)
    open_rows = np.setdiff1d(np.arange(N), labeled)
    gains = greedy.gain_bounds()[open_rows]
    at_first = _largest_sum(gains, budget)
    heap = [(-gain, row) for gain, row in zip(gains.tolist(), open_rows.tolist(), strict=True)]
    picks, value = _choose(greedy, heap, budget, are_gains=isinstance(kernel, csr_array))
    # What is left in the heap are bounds, so that this is one as well.
    at_last = value + _largest_sum(np.array([-bound for bound, _ in heap]), budget)
    return Facilities(picks, value, min(at_first, at_last))


class _Greedy:
    def __init__(self, kernel: csr_array | TwoHopKernel) -> None:
        self._kernel = kernel
        self._covered = np.zeros(kernel.shape[0])

    def gain(self, row: int) -> float:
        columns, values = self._row(row)
        return float(np.maximum(values - self._covered[columns], 0).sum())

    def cover_by(self, row: int) -> None:
        columns, values = self._row(row)
        self._covered[columns] = np.maximum(self._covered[columns], values)

    def gain_bounds(self) -> Float64:
        """Return what the gain (N,) of each row is not above: the gains of a kernel in memory."""
        if isinstance(self._kernel, TwoHopKernel):
            return self._kernel.sums()
        added = np.maximum(self._kernel.data - self._covered[self._kernel.indices], 0)
        rows = np.repeat(np.arange(len(self._covered)), np.diff(self._kernel.indptr))
        gains = np.bincount(rows, weights=added, minlength=len(self._covered))
        return np.asarray(gains, dtype=np.float64)

    def _row(self, row: int) -> tuple[npt.NDArray[np.int32], Float64]:
        if isinstance(self._kernel, TwoHopKernel):
            return self._kernel.row(row)
        part = slice(self._kernel.indptr[row], self._kernel.indptr[row + 1])
        return self._kernel.indices[part], self._kernel.data[part]


def _choose(
    greedy: _Greedy, heap: list[tuple[float, int]], budget: int, *, are_gains: bool
) -> tuple[Int64, float]:
    """Return the picks and what they add; the heap keeps the bounds of the other rows.

    are_gains: whether the heap holds gains at first, and not bounds on them.
    """
    heapq.heapify(heap)
    known_at: dict[int, int] = {}  # row -> how many had been chosen when its gain was worked out
    picks: list[int] = []
    value = 0.0
    while heap and len(picks) < budget:
        bound, row = heap[0]
        if bound == 0:
            break
        if not (are_gains and not picks) and known_at.get(row) != len(picks):
            known_at[row] = len(picks)
            heapq.heapreplace(heap, (-greedy.gain(row), row))
            continue
        heapq.heappop(heap)
        greedy.cover_by(row)
        picks.append(row)
        value -= bound
    return np.array(picks, dtype=np.int64), value


def _largest_sum(gains: Float64, count: int) -> float:
    if len(gains) <= count:
        return float(gains.sum())
    return float(np.partition(gains, len(gains) - count)[-count:].sum())
