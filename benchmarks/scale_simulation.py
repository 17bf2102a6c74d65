"""Selection over shards on many nodes, simulated: python -m benchmarks.scale_simulation.

The model of `benchmarks.scale_model` divides work evenly. Here every pass is played through: shards
of 65,536 rows go to the actors as `rayal.distributed.on_ray` deals them, each takes its own time, a
pass ends with the slowest actor, and then every node is sent what the next pass needs and every
actor's answer comes in, one after another. Shards' times vary by `--spread`, nodes' speeds by
`--speeds` (standard deviations, as parts of the mean); coverage and the clusters of typiclust are
items that free actors take. Printed: the simulated time, and how far the model lies from it.

    python -m benchmarks.scale_simulation --on-nodes 2 --rows 1000000

runs two strategies on Ray nodes of one CPU each on this machine, and in as many processes that do
all of the work each (so that cores slow one another as much), and sets what the simulation makes of
the latter's seconds beside the former's.
"""

from __future__ import annotations

import argparse
import heapq
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import scale_model, shards
from benchmarks.ray_nodes import Nodes, nodes
from benchmarks.scale_model import Work
from rayal.storage.shards import write_shards

Float64 = npt.NDArray[np.float64]

PLACES = [(1e6, 2), (1e7, 16), (1e8, 16), (1e9, 16), (1e9, 128)]  # rows and nodes
SPREAD, SPEEDS = 0.1, 0.1
SEED = 0
RUN_ON_NODES = ("k_center", "kmeans")


def main() -> None:
    """Print the table, or run on nodes of this machine."""
    own = options()
    if own.on_nodes:
        for line in on_nodes(own):
            print(line, flush=True)
    else:
        print(markdown(own))


def markdown(own: argparse.Namespace) -> str:
    """Return the simulated times and the model's errors, as docs/scale.md has them."""
    heads = (f"{N:.0e}".replace("e+0", "e") + f" on {count}" for N, count in PLACES)
    lines = [f"| strategy | {' | '.join(heads)} |", "|---|" + "--:|" * len(PLACES)]
    for name in scale_model.OVER_SHARDS:
        row = (_cell(name, N, count, own) for N, count in PLACES)
        lines.append(f"| `{name}` | {' | '.join(row)} |")
    return "\n".join(lines)


def _cell(name: str, N: float, count: int, own: argparse.Namespace) -> str:
    work = scale_model.OVER_SHARDS[name](N, own.width, own.budget)
    played = simulated_seconds(work, scale_model.seconds_over_shards(work), N, count, own)
    model = scale_model.hours(name, N, count, own)
    assert model is not None, name
    return f"{scale_model.in_words(played / 3600)}, {3600 * model / played - 1:+.0%}"


def simulated_seconds(
    work: Work, seconds: float, N: float, count: int, own: argparse.Namespace
) -> float:
    """Return the seconds by the clock on `count` nodes of what takes one core so many.

    Args:
        work: of the strategy.
        seconds: of one core, in all.
        N: rows.
        count: nodes.
        own: cores of a node, latency, bandwidth, spread and speeds.
    """
    rng = np.random.default_rng(SEED)
    speeds = np.repeat(_around_one(rng, own.speeds, count), own.cores)
    rows = _rows_of_shards(N)
    passes = int(work.reductions)
    in_passes = seconds * (1 - work.in_items)
    holders = np.arange(len(rows)) % len(speeds)  # the actor that has the fewest takes the next
    total = 0.0
    for _ in range(passes):
        each = rows / N * (in_passes / passes) * _around_one(rng, own.spread, len(rows))
        busy = np.bincount(holders, each, minlength=len(speeds)) * speeds
        total += float(busy.max()) + own.latency + _traffic(work, count, len(speeds), own)
    if work.items:
        each = _around_one(rng, own.spread, int(work.items))
        total += _queued(each * seconds * work.in_items / len(each), speeds)
    return total


def _rows_of_shards(N: float) -> Float64:
    whole, rest = divmod(int(N), shards.ROWS_PER_SHARD)
    return np.array([shards.ROWS_PER_SHARD] * whole + [rest] * (rest > 0), dtype=np.float64)


def _around_one(rng: np.random.Generator, spread: float, size: int) -> Float64:
    """Return factors (size,) of mean 1, by the lognormal distribution."""
    width = np.sqrt(np.log1p(spread**2))
    return rng.lognormal(-(width**2) / 2, width, size)


def _traffic(work: Work, count: int, actors: int, own: argparse.Namespace) -> float:
    """Return the seconds in which all nodes are sent the pass's data, and all answers come in."""
    return float((work.down * count + work.up * actors) / own.bandwidth)


def _queued(each: Float64, speeds: Float64) -> float:
    """Return when the last item ends, where the actor that is free first takes the next."""
    free = [(0.0, actor) for actor in range(len(speeds))]
    for seconds in each:
        at, actor = heapq.heappop(free)
        heapq.heappush(free, (at + float(seconds * speeds[actor]), actor))
    return max(at for at, _ in free)


# On nodes of this machine ----------------------------------------------------


def on_nodes(own: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each strategy: one process, nodes, and what is simulated of these."""
    with tempfile.TemporaryDirectory() as folder, nodes() as cluster:
        pool = Path(folder) / "pool"
        rows = shards.batches(own.rows, own.width)
        write_shards(pool, rows, dtype="float16", rows_per_shard=shards.ROWS_PER_SHARD)
        cluster.head()
        for _ in range(own.on_nodes):
            cluster.add(cpus=1)
        for name in RUN_ON_NODES:
            seconds = _concurrent_seconds(pool, name, own)
            start, took = _asked(cluster, pool, name, own.budget)
            work = scale_model.OVER_SHARDS[name](own.rows, own.width, own.budget)
            played = start + simulated_seconds(work, seconds, own.rows, own.on_nodes, own)
            yield (
                f"{name}: {seconds:.1f} s a process beside others; {own.on_nodes} nodes {took:.1f} "
                f"s, start {start:.1f}; simulated with it {played:.1f} s ({played / took - 1:+.0%})"
            )


def _concurrent_seconds(pool: Path, name: str, own: argparse.Namespace) -> float:
    """Return the mean seconds of as many processes at once as there are nodes."""
    measure = partial(shards.measure_in_process, pool, name, own.budget, None)
    with ThreadPoolExecutor(own.on_nodes) as threads:
        begun = [threads.submit(measure) for _ in range(own.on_nodes)]
    return float(np.mean([each.result()["seconds"] for each in begun]))


ASKING = """
import sys, time
from rayal.distributed import selecting
place, address, name, budget = sys.argv[1:]
for asked in ("random", 1), ("random", 1), (name, int(budget)):  # the first imports besides
    started = time.perf_counter()
    selecting.select_from_shards(place, *asked, address=address)
    print(time.perf_counter() - started)
"""


def _asked(cluster: Nodes, pool: Path, name: str, budget: int) -> tuple[float, float]:
    """Return the seconds that the start of actors and next to no work takes, and those of all."""
    command = [sys.executable, "-c", ASKING, str(pool), cluster.address, name, str(budget)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=cluster.environment, check=True
    )
    _, start, took = map(float, ended.stdout.split())
    return start, took


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what a command line says: what the model takes, spreads, and a run on nodes."""
    parser = scale_model.parser(__doc__)
    parser.add_argument("--spread", type=float, default=SPREAD, help="of shards' times")
    parser.add_argument("--speeds", type=float, default=SPEEDS, help="spread of nodes' speeds")
    parser.add_argument("--on-nodes", type=int, default=0, help="Ray nodes of this machine")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the pool on these")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
