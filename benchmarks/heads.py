"""Many linear heads at once against one by one and PyTorch's loop: python -m benchmarks.heads.

Each row trains S heads (seeds), each on L labels of its own out of a pool of 2,000, with its own
start and shuffle. Three ways, the same draws:

* eager: a head at a time by nn.Linear, cross_entropy, .backward() and torch.optim.Adam;
* alone: a head at a time by the learner's own kernel;
* many: all S in one call.

eager and alone train only some of the heads, and their times are scaled to S: so the star. The
first case is run on one thread, then on all; where eager is slower on more threads, its time on
one counts. Printed: seconds for S heads; how many times the seconds, and the processor's seconds,
of many the others take; and the largest difference of a weight between many and eager.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from rayal.learners._heads.adam import AdamSchedule
from rayal.learners._heads.batched import Problem, fit_many
from rayal.learners._heads.softmax import initial_weights
from rayal.run.threads import limit_threads

Float32 = npt.NDArray[np.float32]

GOAL = 30  # times faster than eager, for the first case
POOL = 2000


@dataclass(frozen=True)
class Case:
    """S heads on L labels, D features, C classes; `sample` of them by the slow ways."""

    S: int
    L: int
    D: int
    C: int
    batch: int
    epochs: int
    sample: int

    @property
    def schedule(self) -> AdamSchedule:
        return AdamSchedule(self.epochs, self.batch, 0.01, (self.epochs // 2, 3 * self.epochs // 4))


FIRST = Case(100, 300, 512, 10, 4, 100, 10)
TABLE = (
    Case(100, 20, 512, 10, 4, 100, 5),
    Case(100, 20, 512, 10, 128, 100, 5),
    Case(100, 100, 512, 8, 128, 100, 5),
    Case(100, 500, 512, 10, 128, 10, 5),
    Case(50, 100, 2048, 10, 128, 40, 5),
    Case(40, 500, 2048, 10, 4, 3, 4),
    Case(40, 300, 1024, 47, 128, 8, 4),
    Case(40, 500, 512, 100, 128, 8, 4),
    Case(20, 500, 2048, 100, 128, 4, 4),
)


def problems(case: Case) -> tuple[Float32, list[Problem]]:
    """Return a pool (N, D) whose classes overlap, and what each head learns from."""
    rng = np.random.default_rng(0)
    truth = rng.integers(case.C, size=POOL)
    pool = rng.normal(size=(POOL, case.D)) + rng.normal(size=(case.C, case.D))[truth] / 3
    drawn = []
    for seed in range(case.S):
        own = np.random.default_rng(seed)
        chosen = own.permutation(POOL)[: case.L]
        drawn.append(Problem(chosen, truth[chosen], initial_weights(case.D, case.C, own), own))
    return pool.astype(np.float32), drawn


def eager(pool: Float32, problem: Problem, plan: AdamSchedule) -> Float32:
    """Train a head as a PyTorch user writes it down."""
    head = torch.nn.Linear(pool.shape[1], len(problem.weights))
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(problem.weights[:, :-1]))
        head.bias.copy_(torch.from_numpy(problem.weights[:, -1]))
    optimiser = torch.optim.Adam(head.parameters(), lr=plan.lr)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(plan.milestones), gamma=0.1)
    x, y = torch.from_numpy(pool[problem.positions]), torch.from_numpy(problem.labels)
    for _ in range(plan.epochs):
        one_batch = len(y) <= plan.batch_size
        order = np.arange(len(y)) if one_batch else problem.rng.permutation(len(y))
        for start in range(0, len(y), plan.batch_size):
            batch = torch.from_numpy(order[start : start + plan.batch_size])
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(head(x[batch]), y[batch])
            torch.autograd.backward(loss)
            optimiser.step()
        scheduler.step()
    return np.hstack([head.weight.detach().numpy(), head.bias.detach().numpy()[:, None]])


@dataclass(frozen=True)
class Run:
    """Seconds for all S heads, seconds of the processor, and the weights of those trained."""

    wall: float
    processor: float
    weights: list[Float32]


def timed(train: Callable[[], list[Float32]], S: int, threads: int) -> Run:
    """Run on so many threads, and scale the times to S heads."""
    with limit_threads(threads):
        wall, processor = time.perf_counter(), time.process_time()
        weights = train()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Run(wall * S / len(weights), processor * S / len(weights), weights)


def slow_ways(case: Case, threads: int, sample: int) -> tuple[Run, Run]:
    """Train some heads by eager and alone."""
    pool, few = problems(case)
    few, again = few[:sample], problems(case)[1][:sample]
    plan, one = case.schedule, dataclasses.replace(few[0], rng=np.random.default_rng(0))
    eager(pool, one, dataclasses.replace(plan, epochs=1))  # torch's first step is its slowest
    return (
        timed(lambda: [eager(pool, problem, plan) for problem in few], case.S, threads),
        timed(lambda: [fit_many(pool, [problem], plan)[0] for problem in again], case.S, threads),
    )


def row(case: Case, threads: int, slow: tuple[Run, Run]) -> float:
    """Train one case at once, print its row, and return how much longer eager takes."""
    pool, every = problems(case)
    many = timed(lambda: fit_many(pool, every, case.schedule), case.S, threads)
    theirs, apiece = slow
    pairs = zip(theirs.weights, many.weights, strict=False)
    apart = max(float(np.abs(a - b).max()) for a, b in pairs)
    print(
        f"{threads:7d}{case.S:5d}{case.L:5d}{case.D:6d}{case.C:5d}{case.batch:6d}{case.epochs:7d}"
        f"{theirs.wall:9.2f}*{apiece.wall:9.2f}*{many.wall:9.2f}"
        f"{theirs.wall / many.wall:8.1f}{theirs.processor / many.processor:6.1f}"
        f"{apiece.wall / many.wall:8.1f}{apiece.processor / many.processor:6.1f}{apart:9.0e}",
        flush=True,
    )
    return theirs.wall / many.wall


def first_case(threads: int) -> float:
    """Return how many times longer eager takes for the first case on so many threads."""
    slow = slow_ways(FIRST, 1, FIRST.sample)
    faster = row(FIRST, 1, slow)
    if threads == 1:
        return faster
    on_all = slow_ways(dataclasses.replace(FIRST, epochs=4), threads, 1)[0]
    eager_on_all = dataclasses.replace(slow[0], wall=on_all.wall * FIRST.epochs / 4)
    return row(FIRST, threads, (min(slow[0], eager_on_all, key=lambda run: run.wall), slow[1]))


def main() -> int:
    """Print the table; return 0 when the first case is as much faster than eager as it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--quick", action="store_true", help="the first case alone")
    options = parser.parse_args()
    print(f"* {FIRST.sample} heads of {FIRST.S} in the first case, 4 to 5 in the others, scaled")
    print(f"{'':72}   eager / many  alone / many")
    heads = ("eager s", "alone s", "many s", "wall", "cpu", "wall", "cpu", "apart")
    widths = (10, 10, 8, 8, 6, 8, 6, 9)
    columns = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    print(f"{'threads':>7}{'S':>5}{'L':>5}{'D':>6}{'C':>5}{'batch':>6}{'epochs':>7}{columns}")
    faster = first_case(options.threads)
    for case in () if options.quick else TABLE:
        row(case, 1, slow_ways(case, 1, case.sample))
    print(
        f"first case on {options.threads} threads: {faster:.1f} times faster than eager; "
        f"the goal is {GOAL}"
    )
    return 0 if faster >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
