"""Going through the rows of a matrix in blocks, on as many threads as faiss may use.

The blocks depend on the shape alone, so that results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from types import TracebackType
from typing import TypeVar

import faiss

T = TypeVar("T")
Share = list[slice]

BLOCK_NUMBERS = 1 << 20  # 4 MB: calls into Python cost little beside it, caches still hold it
ROWS = 8192, 64  # most and fewest rows of a block
WORTH_THREADS = 1 << 22  # numbers in a matrix below which starting threads costs more than it saves


class RowBlocks:
    """Blocks of the rows of an (N, D) matrix; use it in a `with` statement, which ends threads.

    numpy and faiss let other threads run while they compute, so that plain threads are enough.
    """

    def __init__(self, rows: int, width: int) -> None:
        most, fewest = ROWS
        size = min(most, max(fewest, BLOCK_NUMBERS // width))
        blocks = [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
        self.rows = rows
        self._shares = _shared(blocks, _threads(rows * width))
        several = len(self._shares) > 1
        self._pool = ThreadPoolExecutor(len(self._shares)) if several else None

    def each(self, step: Callable[[slice], T]) -> list[T]:
        """Return step(rows) of every block, in their order; blocks may run at the same time."""

        def work(share: Share) -> list[T]:
            return [step(rows) for rows in share]

        run = map if self._pool is None else self._pool.map
        return list(chain.from_iterable(run(work, self._shares)))

    def __enter__(self) -> RowBlocks:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()


def _threads(numbers: int) -> int:
    return int(faiss.omp_get_max_threads()) if numbers >= WORTH_THREADS else 1


def _shared(blocks: Share, threads: int) -> list[Share]:
    """Cut the blocks into runs of neighbors, one a thread, of equal length give or take one."""
    ends = [len(blocks) * t // threads for t in range(threads + 1)]
    return [blocks[a:b] for a, b in pairwise(ends) if b > a]
