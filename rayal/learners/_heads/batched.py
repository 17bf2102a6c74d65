"""Softmax regression of many heads at once, by Adam, with the gradient in closed form.

Where an image may have several classes, heads are binary: a sigmoid and a loss for each class.

A linear head on frozen features is trained hundreds of times in a sweep, mostly on few images:
there a step of torch.optim.Adam under autograd costs tens of times its arithmetic. Here a step is
one for a block of heads. Each head's numbers are, to the last bit, those of its training alone:
products are taken head by head, and all else is arithmetic on single numbers or in a fixed order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain

import faiss
import numpy as np
import numpy.typing as npt
from scipy.special import expit
from threadpoolctl import ThreadpoolController

from rayal.label_arrays import UNLABELED
from rayal.learners._heads.adam import Adam, AdamSchedule
from rayal.learners._heads.softmax import dropout, softmax

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

BLOCK_NUMBERS = 1 << 17  # weights of a block: with gradient and moments 2 MB, near the L2 cache


@dataclass(frozen=True)
class Problem:
    """What one head learns from: positions in the shared inputs, a label at each, and a start.

    labels: a class of each image (L,), or of several (L, C) 1, 0, and UNLABELED where unknown.

    rng shuffles the batches of each epoch, where one does not hold all, and drops inputs.
    """

    positions: Int64  # (L,)
    labels: Int64  # (L,) or (L, C)
    weights: Float32  # (O, D + 1), left as they are
    rng: np.random.Generator


def fit_many(
    inputs: Float32,
    problems: Sequence[Problem],
    schedule: AdamSchedule,
    last: Float32 | None = None,
) -> list[Float32]:
    """Return the weights (O, D + 1) of each head after minimizing mean cross-entropy by Adam.

    Of binary heads the mean over the images of the sum of their known classes' cross-entropies.

    Blocks of heads with the same number of labels are trained in step, on as many threads as faiss
    may use.

    Args:
        inputs: (U, D) features that the problems share.
        problems: as many labels each as they like; generators of their own.
        schedule: epochs, batches, learning rates and dropout.
        last: (C, O) a fixed layer after the weights; without it O is C.
    """
    rows = np.empty((len(inputs), inputs.shape[1] + 1), dtype=np.float32)
    rows[:, :-1], rows[:, -1] = inputs, 1
    threads = int(faiss.omp_get_max_threads())
    shares = _blocks(problems, threads)

    def train(share: Int64) -> list[Float32]:
        return list(_Block(rows, [problems[i] for i in share], schedule, last).train())

    # Products this small wait for BLAS's own threads longer than they take.
    with _thread_pools().limit(limits=1, user_api="blas"):
        if min(len(shares), threads) < 2:
            trained = [train(share) for share in shares]
        else:  # numpy lets other threads run while it computes
            with ThreadPoolExecutor(threads) as pool:
                trained = list(pool.map(train, shares))
    by_number = dict(zip(chain.from_iterable(shares), chain.from_iterable(trained), strict=True))
    return [by_number[i] for i in range(len(problems))]


@cache
def _thread_pools() -> ThreadpoolController:
    """Find NumPy's BLAS, which was loaded with it and stays: once is enough."""
    return ThreadpoolController()


def _blocks(problems: Sequence[Problem], threads: int) -> list[Int64]:
    """Return which problems form each block: of equal L, and small enough for a cache."""
    groups = defaultdict(list)
    for number, problem in enumerate(problems):
        groups[len(problem.labels)].append(number)
    largest = max(1, BLOCK_NUMBERS // problems[0].weights.size) if problems else 1
    shares: list[Int64] = []
    for _, members in sorted(groups.items(), reverse=True):  # the longest work first
        several = min(len(members), threads)
        shares += np.array_split(members, max(several, -(-len(members) // largest)))
    return shares


class _Block:
    """Heads (S, O, D + 1) trained in step on L labels each."""

    def __init__(
        self,
        rows: Float32,  # (U, D + 1), ones last
        problems: Sequence[Problem],
        schedule: AdamSchedule,
        last: Float32 | None,
    ) -> None:
        self._rows, self._schedule = rows, schedule
        self._rngs = [problem.rng for problem in problems]
        self._positions = np.stack([problem.positions for problem in problems])
        self._labels = np.stack([problem.labels for problem in problems])
        self._weights = np.stack([problem.weights for problem in problems])
        self._last = last
        self._classes = np.eye(self._weights.shape[1] if last is None else len(last), dtype="f4")
        self._inputs: dict[int, Float32] = {}  # (S, n, D + 1) by n: full batches and the last one

    def train(self) -> Float32:
        gradient = np.empty_like(self._weights)
        adam = Adam(self._weights, gradient)
        for epoch in range(self._schedule.epochs):
            rate = self._schedule.rate(epoch)
            for inputs, labels in self._batches():
                residual = self._residual(inputs, labels)
                np.matmul(residual.transpose(0, 2, 1), inputs, out=gradient)
                adam.step(rate)
        return self._weights

    def _batches(self) -> Iterator[tuple[Float32, Int64]]:
        """Yield inputs (S, n, D + 1) and labels (S, n[, C]) of the batches of an epoch."""
        count, size = self._labels.shape[1], self._schedule.batch_size
        positions, labels = self._positions, self._labels
        if count > size:  # in one batch the order changes nothing
            orders = np.stack([rng.permutation(count) for rng in self._rngs])
            positions = np.take_along_axis(positions, orders, axis=1)
            labels = labels[np.arange(len(labels))[:, None], orders]
        for start in range(0, count, size):
            batch = slice(start, start + size)
            yield self._inputs_at(positions[:, batch]), labels[:, batch]

    def _inputs_at(self, positions: Int64) -> Float32:
        n = positions.shape[1]
        full_batch = n == self._labels.shape[1]
        if n not in self._inputs:
            self._inputs[n] = self._rows[positions]
        elif not full_batch or self._schedule.dropout:
            # clip does without the copy that checks positions
            self._rows.take(positions, axis=0, out=self._inputs[n], mode="clip")
        if self._schedule.dropout:
            for inputs, rng in zip(self._inputs[n], self._rngs, strict=True):
                inputs[:, :-1] = dropout(inputs[:, :-1], self._schedule.dropout, rng)
        return self._inputs[n]

    def _residual(self, inputs: Float32, labels: Int64) -> Float32:
        """Return the loss's gradient by the outputs, (S, n, O): (softmax - Y) / n, times last."""
        outputs = np.matmul(inputs, self._weights.transpose(0, 2, 1))
        if self._last is not None:
            outputs = np.matmul(outputs, self._last.T)
        S, n, C = outputs.shape
        if labels.ndim == 3:
            return _binary_residual(outputs, labels)
        probs = softmax(np.ascontiguousarray(outputs.reshape(-1, C).T))
        residual = np.subtract(probs.T.reshape(S, n, C), self._classes[labels], out=outputs)
        residual /= n
        return residual if self._last is None else np.matmul(residual, self._last)


def _binary_residual(outputs: Float32, labels: Int64) -> Float32:
    """Return (sigmoid - Y) / n where a class is known and 0 elsewhere, (S, n, C); in place."""
    expit(outputs, out=outputs)
    outputs -= labels
    outputs[labels == UNLABELED] = 0
    outputs /= labels.shape[1]
    return outputs
