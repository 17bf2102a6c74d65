"""What each strategy costs against N, D, B and nodes: python -m benchmarks.scale_model.

Counted are multiplications and additions of matrix products, numbers read from the matrix, kernels
evaluated, steps of a heap or a sort, and reductions over nodes. The seconds of a processor core
that each takes are fitted to MEASURED by least squares of relative errors, none below zero, and
those over shards, where float16 is read anew at each pass, to MEASURED_OVER_SHARDS; the table then
goes to 1e9 rows, which nobody measured. `--latency` and `--bandwidth` of the network are
assumptions, as is that nodes work evenly.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from rayal.distributed import typiclust
from rayal.kernels import (
    cells,
    sampled_ball_cover,
    sampled_clustering,
    sampled_herding,
    smooth_cover,
)
from rayal.kernels import near_duplicates as duplicates
from rayal.kernels import sampled_typicality as typicality

Float64 = npt.NDArray[np.float64]

COMPONENTS = 64  # that `auto` works on
MAX_CLUSTERS = 500  # of typiclust
REFRESHES = 5  # times that maxherding looks at a row that may be chosen, measured on made-up rows
BALL_GAINS = 0.35  # gains that a part works out for balls, over those for cosines; measured
LOOKED_AT = 0.5  # part of the distances that k_center works out, measured on made-up rows
GIGA = 1e9


@dataclass(frozen=True)
class Work:
    """What is counted: products, numbers read, kernels evaluated, steps; all in 1e9.

    reductions: passes over the shards; down: bytes that each node is sent for one; up: bytes that
    each actor, one of a core, answers. items: of work that free actors take from a queue, and
    in_items: the part of the time that they take.
    """

    products: float = 0.0
    numbers: float = 0.0
    kernels: float = 0.0
    steps: float = 0.0
    reductions: float = 1.0
    down: float = 0.0
    up: float = 0.0
    items: float = 0.0
    in_items: float = 0.0

    def counted(self) -> Float64:
        """Return the four numbers that take a processor's time."""
        return np.array([self.products, self.numbers, self.kernels, self.steps]) / GIGA


def _clustered(N: float, D: float, K: float, restarts: int, steps: int) -> float:
    few = min(N, max(sampled_clustering.FEWEST, sampled_clustering.RESTART_SAMPLE * K))
    most = max(2 * K, sampled_clustering.MOST_NUMBERS / D)
    more = min(N, most, max(sampled_clustering.FEWEST, sampled_clustering.SAMPLE * K))
    return 2 * D * K * (restarts * steps * few + sampled_clustering.REFINEMENTS * more + N)


def _kmeans(N: float, D: float, B: float) -> Work:
    return Work(_clustered(N, D, B, 5, 20), 3 * N * D)


def _typiclust(N: float, D: float, B: float) -> Work:
    K = min(B, MAX_CLUSTERS)
    members = N / K
    # All pairs of a cluster are looked at once, a sample at each choice.
    exact = members <= typicality.EXACT
    pairs = K * members**2 if exact else B * members * typicality.SAMPLE
    return Work(_clustered(N, D, K, 1, 10) + 2 * D * pairs, 4 * N * D, pairs)


def _facility_location(N: float, D: float, B: float) -> Work:
    count = N / cells.SIZE
    training = cells.TRAINING_STEPS * cells.TRAINING_ROWS * count * count
    pairs = N * cells.PROBED * cells.SIZE
    return Work(2 * D * (training + N * count + pairs), 12 * N * D, pairs, 10 * N * np.log2(N))


def _maxherding(N: float, D: float, B: float) -> Work:
    drawn = max(sampled_herding.FEWEST, sampled_herding.A_PICK * B)
    pairs = min(N, sampled_herding.CANDIDATES) * min(N, drawn)
    kept = min(1.0, smooth_cover.KEPT / (4 * pairs))
    multiplied = pairs * (kept + REFRESHES * (1 - kept))
    return Work(2 * D * multiplied, N * D, REFRESHES * pairs)


def _probcover(N: float, D: float, B: float) -> Work:
    # A distance is compared and kept as a bit: next to nothing beside the product.
    pairs = min(N, sampled_ball_cover.CENTERS) * min(N, sampled_ball_cover.POINTS)
    return Work(2 * D * pairs, N * D)


def _k_center(N: float, D: float, B: float) -> Work:
    return Work(numbers=N * D * (1 + LOOKED_AT * B))


def _auto(N: float, D: float, B: float) -> Work:
    K = COMPONENTS
    components = 4 * N * D * D + 2 * N * D * K  # in 64 bits: twice the time
    pairs = N * duplicates.CELL
    count = N / duplicates.CELL
    near = 2 * K * (pairs + N * count + cells.TRAINING_STEPS * cells.TRAINING_ROWS * count**2)
    return Work(components + near + _clustered(N, K, B, 5, 20), 4 * N * D, pairs)


def _scores(N: float, D: float, B: float) -> Work:
    return Work(steps=N * np.log2(N), up=24 * B)


STRATEGIES: dict[str, Callable[[float, float, float], Work]] = {
    "random": _scores,
    "margin": _scores,
    "k_center": _k_center,
    "kmeans": _kmeans,
    "maxherding": _maxherding,
    "probcover": _probcover,
    "typiclust": _typiclust,
    "facility_location": _facility_location,
    "auto": _auto,
}

PART = 8192  # rows that coverage over shards looks at together
STEPS = 25  # passes of k-means over shards, the start's among them


def _kmeans_over_shards(N: float, D: float, B: float) -> Work:
    down, up = 4 * B * D, 8 * B * (D + 1)
    return Work(2 * D * B * N * STEPS, STEPS * N * D, reductions=STEPS, down=down, up=up)


def _typiclust_over_shards(N: float, D: float, B: float) -> Work:
    K = min(B, MAX_CLUSTERS)
    clustering, comparing = K * N * STEPS, K * min(N / K, typiclust.LARGEST) ** 2
    products = 2 * D * (clustering + comparing)
    clusters = replace(_kmeans_over_shards(N, D, K), products=products)
    return replace(clusters, items=K, in_items=comparing / (clustering + comparing))


def _facility_location_over_shards(N: float, D: float, B: float) -> Work:
    # Of each part B rows go on to the next level.
    levels = 1 / (1 - min(B / PART, 0.5))
    pairs = levels * N * PART
    covering = Work(2 * D * pairs, levels * N * D, pairs, down=4 * B * D)
    return replace(covering, items=float(np.ceil(levels * N / PART)), in_items=1.0)


def _probcover_over_shards(N: float, D: float, B: float) -> Work:
    covered = _facility_location_over_shards(N, D, B)
    return replace(covered, kernels=BALL_GAINS * covered.kernels)


def _k_center_over_shards(N: float, D: float, B: float) -> Work:
    return Work(numbers=N * D * B, reductions=B, down=4 * D, up=4 * D + 24)


# What `rayal select SHARDS` does; the other strategies have no such form.
OVER_SHARDS: dict[str, Callable[[float, float, float], Work]] = {
    "random": _scores,
    "margin": _scores,
    "k_center": _k_center_over_shards,
    "kmeans": _kmeans_over_shards,
    "probcover": _probcover_over_shards,
    "typiclust": _typiclust_over_shards,
    "facility_location": _facility_location_over_shards,
}

Count = Callable[[float, float, float], Work]
Point = tuple[str, float, float, float, float]

# Strategy, N, D, B, seconds of one processor core by `benchmarks.large_pools`; of the approximate
# form below 200,000 rows as well, with `--approximate` or `--quality`.
MEASURED: list[Point] = [
    ("random", 1e6, 512, 1000, 1.0),
    ("margin", 1e6, 512, 1000, 1.3),
    ("k_center", 1e6, 512, 1000, 42.4),
    ("kmeans", 1e5, 64, 100, 1.4),
    ("kmeans", 4e5, 128, 100, 10.4),
    ("kmeans", 1e6, 512, 1000, 125.7),
    ("facility_location", 4e5, 128, 100, 42.1),
    ("facility_location", 1e6, 512, 1000, 300.3),
    ("maxherding", 5e4, 64, 100, 6.5),
    ("maxherding", 5e4, 64, 1000, 30.9),
    ("maxherding", 4e5, 128, 100, 6.7),
    ("maxherding", 1e6, 512, 100, 17.7),
    ("maxherding", 1e6, 512, 1000, 72.5),
    ("typiclust", 4e5, 128, 100, 28.6),
    ("typiclust", 1e6, 512, 100, 60.7),
    ("typiclust", 1e6, 512, 1000, 69.4),
    ("probcover", 1e5, 64, 1000, 15.3),
    ("probcover", 1e6, 512, 100, 65.9),
    ("probcover", 1e6, 512, 1000, 63.7),
    ("probcover", 4e5, 128, 100, 22.6),
    ("auto", 4e5, 128, 100, 48.5),
    ("auto", 1e6, 512, 100, 44.2),
    ("auto", 1e6, 512, 1000, 58.4),
    ("k_center", 4e5, 128, 100, 2.4),
]


# The same by `benchmarks.shards --memory 4GiB`, of float16.
MEASURED_OVER_SHARDS: list[Point] = [
    ("random", 1e5, 128, 100, 0.3),
    ("random", 1e6, 128, 100, 0.7),
    ("random", 1e7, 128, 100, 4.4),
    ("k_center", 1e5, 128, 100, 2.6),
    ("k_center", 1e6, 128, 100, 25.0),
    ("k_center", 1e7, 128, 10, 26.6),
    ("k_center", 1e7, 128, 100, 229.4),
    ("k_center", 1e5, 128, 1000, 23.5),
    ("k_center", 1e6, 128, 1000, 229.7),
    ("k_center", 1e7, 128, 1000, 2319.1),
    ("kmeans", 1e5, 128, 100, 1.7),
    ("kmeans", 1e6, 128, 100, 16.0),
    ("kmeans", 1e7, 128, 100, 134.4),
    ("kmeans", 1e5, 128, 1000, 7.3),
    ("kmeans", 1e6, 128, 1000, 67.5),
    ("kmeans", 1e7, 128, 1000, 467.2),
    ("typiclust", 1e5, 128, 100, 3.2),
    ("typiclust", 1e6, 128, 100, 65.1),
    ("typiclust", 1e7, 128, 100, 206.8),
    ("typiclust", 1e5, 128, 1000, 4.5),
    ("typiclust", 1e6, 128, 1000, 60.2),
    ("typiclust", 1e7, 128, 1000, 622.7),
    ("facility_location", 1e5, 128, 100, 8.8),
    ("facility_location", 1e6, 128, 100, 84.6),
    ("facility_location", 1e7, 128, 100, 789.5),
    ("facility_location", 1e5, 128, 1000, 13.0),
    ("facility_location", 1e6, 128, 1000, 125.3),
    ("facility_location", 1e7, 128, 1000, 1347.8),
    ("random", 1e5, 128, 1000, 0.3),
    ("random", 1e6, 128, 1000, 0.6),
    ("random", 1e7, 128, 1000, 4.8),
    ("probcover", 1e5, 128, 100, 5.1),
    ("probcover", 1e6, 128, 100, 47.2),
    ("probcover", 1e7, 128, 100, 488.4),
    ("probcover", 1e5, 128, 1000, 6.0),
    ("probcover", 1e6, 128, 1000, 56.9),
    ("probcover", 1e7, 128, 1000, 666.3),
]


def fitted(points: Sequence[Point] = MEASURED, counts: Mapping[str, Count] = STRATEGIES) -> Float64:
    """Return the seconds (4,) of 1e9 products, numbers, kernels and steps."""
    work = np.stack([counts[name](N, D, B).counted() for name, N, D, B, _ in points])
    seconds = np.array([point[-1] for point in points])
    rates: Float64 = nnls(work / seconds[:, None], np.ones(len(seconds)))[0]
    return rates


def model_seconds(point: Point, rates: Float64, counts: Mapping[str, Count] = STRATEGIES) -> float:
    """Return the seconds of one core that the model gives at a point that was measured."""
    name, N, D, B, _ = point
    return float(counts[name](N, D, B).counted() @ rates)


def hours(name: str, N: float, nodes: int, options: argparse.Namespace) -> float | None:
    """Return the hours by the clock for D and B; of more nodes over shards, with the network's.

    None where the strategy has no form over shards.
    """
    if nodes == 1:
        work = STRATEGIES[name](N, options.width, options.budget)
        return float(work.counted() @ fitted()) / float(options.cores) / 3600
    if name not in OVER_SHARDS:
        return None
    work = OVER_SHARDS[name](N, options.width, options.budget)
    actors = nodes * options.cores
    moved = (work.down * nodes + work.up * actors) / options.bandwidth
    network = work.reductions * (options.latency + moved)
    return float(seconds_over_shards(work) / actors + network) / 3600


def seconds_over_shards(work: Work) -> float:
    """Return the seconds that work over shards takes one core."""
    return float(work.counted() @ fitted(MEASURED_OVER_SHARDS, OVER_SHARDS))


def markdown(options: argparse.Namespace) -> str:
    """Return the errors at the measured points and the table beyond them, as docs/scale.md has."""
    lines = [
        "| strategy | N | D | B | measured, s of a core | model | error |",
        "|---|" + "--:|" * 6,
        *_errors(MEASURED, STRATEGIES, ""),
        *_errors(MEASURED_OVER_SHARDS, OVER_SHARDS, " over shards"),
    ]
    places = [(1e6, 1), (1e7, 1), (1e8, 1), (1e8, 16), (1e9, 16), (1e9, 128)]
    heads = (f"{N:.0e}".replace("e+0", "e") + f" on {nodes}" for N, nodes in places)
    lines += ["", f"| strategy | {' | '.join(heads)} |", "|---|" + "--:|" * len(places)]
    for name in STRATEGIES:
        row = (in_words(hours(name, N, nodes, options)) for N, nodes in places)
        lines.append(f"| `{name}` | {' | '.join(row)} |")
    return "\n".join(lines)


def _errors(points: Sequence[Point], counts: Mapping[str, Count], where: str) -> Iterator[str]:
    rates = fitted(points, counts)
    for point in points:
        name, N, D, B, seconds = point
        model = model_seconds(point, rates, counts)
        error = f"{model / seconds - 1:+.0%}"
        numbers = f"{N:,.0f} | {D:,.0f} | {B:,.0f} | {seconds:.1f} | {model:.1f} | {error}"
        yield f"| `{name}`{where} | {numbers} |"


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what a command line says of D, B, nodes and the network."""
    return parser(__doc__).parse_args(arguments)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of what the model takes."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--width", type=int, default=512, help="D")
    parser.add_argument("--budget", type=int, default=1000, help="B")
    parser.add_argument("--cores", type=int, default=2, help="of a node")
    parser.add_argument("--latency", type=float, default=0.005, help="seconds of a reduction")
    parser.add_argument("--bandwidth", type=float, default=1e9, help="bytes a second")
    return parser


def in_words(hours: float | None) -> str:
    """Write hours in seconds, minutes or hours; "-" where there are none."""
    if hours is None:
        return "-"
    seconds = 3600 * hours
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{hours:.0f} h"


def main() -> None:
    """Print the rates, the error at each measured point, and the table."""
    for where, rates in (
        ("", fitted()),
        (" over shards", fitted(MEASURED_OVER_SHARDS, OVER_SHARDS)),
    ):
        named = zip(("products", "numbers", "kernels", "steps"), rates, strict=True)
        listed = ", ".join(f"{name} {rate:.3g}" for name, rate in named)
        print(f"seconds of a core for 1e9{where}: {listed}")
    print()
    print(markdown(options()))


if __name__ == "__main__":
    main()
