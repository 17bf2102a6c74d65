"""Logistic regression of many heads at once beside scikit-learn's: python -m benchmarks.logistic.

100 heads of 512 unit-length features and 10 classes at C = 100, on 20, 60 and 300 labels each, one
thread. scikit-learn fits a head at a time, some of them, scaled to all: by its default solver
L-BFGS with its default tolerance, and with the one at which its loss is ours to 1e-9; and by its
Newton-CG. Printed: CPU seconds for all heads, how many times ours that is, and by which part the
loss lies above ours at the most. Then the learner `linear`, which trains the same heads at once by
Adam, with its default schedule. The last line of a block is the floor: the products by the Gram
matrix that our solver asks of BLAS, and the Gram matrices, alone.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from rayal.kernels import gram_products
from rayal.kernels.clustering import unit_rows
from rayal.kernels.logistic_regression import fit_many, objective
from rayal.learners._heads import batched
from rayal.learners._heads.adam import AdamSchedule
from rayal.learners._heads.softmax import initial_weights

HEADS, D, CLASSES, C, POOL = 100, 512, 10, 100.0, 2000
SAMPLE = 10  # heads that scikit-learn fits
TIMES = 3  # of ours; the quickest counts
WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("L-BFGS, its tolerance 1e-4", {"tol": 1e-4}),
    ("L-BFGS, equal loss (1e-8)", {"tol": 1e-8}),
    ("Newton-CG, equal loss (1e-8)", {"tol": 1e-8, "solver": "newton-cg"}),
)
Problem = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
Float64 = npt.NDArray[np.float64]
Result = TypeVar("Result")


def main() -> None:
    """Print a block for each number of labels."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 60, 300])
    with threadpool_limits(1):
        for labels in parser.parse_args().labels:
            _block(labels)


def problems(labels: int) -> list[Problem]:
    """Return the heads' images, out of one pool whose classes overlap."""
    rng = np.random.default_rng(0)
    truth = rng.integers(CLASSES, size=POOL)
    centers = rng.normal(size=(CLASSES, D)) / 3
    pool = unit_rows((rng.normal(size=(POOL, D)) + centers[truth]).astype(np.float32))
    chosen = [np.random.default_rng(seed).permutation(POOL)[:labels] for seed in range(HEADS)]
    return [(pool[own], truth[own]) for own in chosen]


def _block(labels: int) -> None:
    heads = problems(labels)
    sample = heads[:SAMPLE]
    runs = [_timed(lambda: _ours(heads)) for _ in range(TIMES)]
    seconds, best = min(runs, key=lambda run: run[0])
    print(f"{labels} labels: ours {seconds:.3f} CPU seconds for {HEADS} heads")
    for name, settings in WAYS:
        theirs, solved = _timed(partial(_theirs, sample, settings))
        theirs *= HEADS / SAMPLE
        above = max(
            _loss(head, weights) / _loss(head, lowest) - 1
            for head, weights, lowest in zip(sample, solved, best[:SAMPLE], strict=True)
        )
        print(f"  {name:32}{theirs:8.2f} s {theirs / seconds:6.1f} x   loss + {above:.0e}")
    adam, _ = _timed(lambda: _by_adam(heads))
    print(f"  {'linear, all at once':32}{adam:8.2f} s {adam / seconds:6.1f} x")
    floor = _floor(heads)
    print(f"  {'floor: products alone':32}{floor:8.3f} s {floor / seconds:6.2f} x", flush=True)


def _ours(heads: Sequence[Problem]) -> list[Float64]:
    return fit_many([x for x, _ in heads], [y for _, y in heads], CLASSES, C)


def _theirs(heads: Sequence[Problem], settings: dict[str, Any]) -> list[Float64]:
    return [_fit_scikit_learn(*head, settings) for head in heads]


def _fit_scikit_learn(
    x: npt.NDArray[np.float32], y: npt.NDArray[np.int64], settings: dict[str, Any]
) -> Float64:
    """Return weights (CLASSES, D + 1); a class without a label has an intercept of -inf."""
    model = LogisticRegression(C=C, max_iter=100_000, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it stops for want of progress
        model.fit(x.astype(np.float64), y)
    weights = np.zeros((CLASSES, D + 1))
    weights[:, -1] = -np.inf
    weights[model.classes_] = np.column_stack([model.coef_, model.intercept_])
    return weights


def _by_adam(heads: Sequence[Problem]) -> list[npt.NDArray[np.float32]]:
    """Train the heads as `linear` does by default, on the same images."""
    inputs = np.concatenate([x for x, _ in heads])
    starts = np.cumsum([0, *(len(x) for x, _ in heads[:-1])])
    rngs = [np.random.default_rng(seed) for seed in range(HEADS)]
    problems = [
        batched.Problem(start + np.arange(len(x)), y, initial_weights(D, CLASSES, rng), rng)
        for (x, y), start, rng in zip(heads, starts, rngs, strict=True)
    ]
    schedule = AdamSchedule(epochs=100, batch_size=128, lr=0.01, milestones=(50, 75))
    return batched.fit_many(inputs, problems, schedule)


def _loss(head: Problem, weights: Float64) -> float:
    x, y = head
    return objective(x.astype(np.float64), y, weights, C)


def _floor(heads: Sequence[Problem]) -> float:
    """Return the CPU seconds of Gram matrices, and of products by them."""
    spent = 0.0
    original = gram_products.Gram.times

    def times(self: gram_products.Gram, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        nonlocal spent
        seconds, product = _timed(lambda: original(self, x))
        spent += seconds
        return product

    try:
        gram_products.Gram.times = times  # type: ignore[method-assign]
        _ours(heads)
    finally:
        gram_products.Gram.times = original  # type: ignore[method-assign]
    exact = [x.astype(np.float64) for x, _ in heads]
    return spent + _timed(lambda: [x @ x.T for x in exact])[0]


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
