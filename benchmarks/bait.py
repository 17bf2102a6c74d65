"""BAIT by rank-one updates beside its plain form: python -m benchmarks.bait.

Both choose B of N images by the same rule (`rayal.kernels.fisher_design`). The plain form evaluates
every candidate anew at each pick, two products of (N, D) with (D, D) in float64, as published code
does. Printed: seconds of wall time and of CPU time of each, their ratio, and whether the images are
the same. One thread each, so that other work on the machine disturbs both alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from rayal.kernels.clustering import unit_rows
from rayal.kernels.fisher_design import OVERSAMPLING, TIE, greedy_design

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Choice = Callable[[npt.NDArray[np.float32], Float64, Int64, int], Int64]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000, help="N")
    parser.add_argument("--features", type=int, default=512, help="D")
    parser.add_argument("--budget", type=int, default=100, help="B")
    parser.add_argument("--labeled", type=int, default=100)
    options = parser.parse_args()
    features, information = _made_up(options.images, options.features)
    labeled = np.arange(options.labeled)
    title = f"N={options.images:,} D={options.features} B={options.budget} "
    title += f"labeled={options.labeled}"
    table = Table("form", "seconds", "CPU seconds", title=title)
    choices, seconds = [], []
    for choose in (greedy_design, plain_design):
        chosen, wall, cpu = _timed(choose, features, information, labeled, options.budget)
        table.add_row(choose.__name__, f"{wall:.2f}", f"{cpu:.2f}")
        choices.append(chosen)
        seconds.append((wall, cpu))
    console = Console(width=100)
    console.print(table)
    (fast, fast_cpu), (plain, plain_cpu) = seconds
    same = "the same images" if np.array_equal(choices[0], choices[1]) else "other images"
    console.print(f"{plain / fast:.0f} x (CPU {plain_cpu / fast_cpu:.0f} x), {same}")


def plain_design(
    features: npt.NDArray[np.float32], information: Float64, labeled: Int64, budget: int
) -> Int64:
    """Return the positions (B,) that `greedy_design` chooses with a ridge of 1, plainly."""
    v = np.sqrt(information)[:, None] * features.astype(np.float64)
    total = len(labeled) + budget
    fisher = v.T @ v / len(v)
    x = v * np.sqrt(budget / total)
    matrix = np.eye(v.shape[1]) + v[labeled].T @ v[labeled] / total
    closed = np.zeros(len(v), dtype=bool)
    closed[labeled] = True
    picks: list[int] = []
    for _ in range(OVERSAMPLING * budget):
        scores = _falls(x, np.linalg.inv(matrix), fisher, 1)
        scores[closed] = -1
        picks.append(int(np.argmax(scores >= scores.max() * (1 - TIE))))
        closed[picks[-1]] = True
        matrix += np.outer(x[picks[-1]], x[picks[-1]])
    while len(picks) > budget:
        rises = _falls(x[picks], np.linalg.inv(matrix), fisher, -1)
        removed = picks.pop(int(np.flatnonzero(rises <= rises.min() * (1 + TIE))[-1]))
        matrix -= np.outer(x[removed], x[removed])
    return np.array(picks, dtype=np.int64)


def _falls(x: Float64, inverse: Float64, fisher: Float64, sign: int) -> Float64:
    solved = x @ inverse
    leverage = np.einsum("nd,nd->n", solved, x)
    return np.asarray(np.einsum("nd,nd->n", solved @ fisher, solved) / (1 + sign * leverage))


def _made_up(N: int, D: int) -> tuple[npt.NDArray[np.float32], Float64]:
    """Return unit-length features of clusters with a decaying spectrum, and p (1 - p)."""
    rng = np.random.default_rng(0)
    spectrum = 1 / np.sqrt(1 + np.arange(D))
    centers = 2 * rng.normal(size=(20, D))
    features = (centers[rng.integers(20, size=N)] + rng.normal(size=(N, D))) * spectrum
    top = rng.uniform(0.3, 1, size=N)
    return unit_rows(features), top * (1 - top)


def _timed(
    choose: Choice,
    features: npt.NDArray[np.float32],
    information: Float64,
    labeled: Int64,
    budget: int,
) -> tuple[Int64, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    with threadpool_limits(1):
        chosen = choose(features, information, labeled, budget)
    return chosen, time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
