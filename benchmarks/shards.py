"""Selection from shards: seconds, peak memory, and how good the bounded choices are.

    python -m benchmarks.shards --rows 100000 --dims 128 --budget 100 --memory 4GiB
    python -m benchmarks.shards --rows 1000000 10000000 --budget 100 --only k_center kmeans

Rows are drawn around 200 centers of unequal weight. Each choice runs in a process of its own, whose
peak memory is its resident set, mapped files included. Of several sizes the exponent of N is given,
by least squares on the logarithms of the processors' seconds. A million rows of 128 numbers take
about 0.4 GB on disk while they are used.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rayal.cli.shard_request import parse_bytes
from rayal.storage.shard_set import read_shard_set
from rayal.storage.shards import Batch, write_shards

STRATEGIES = (
    "random", "scores", "margin", "balanced margin", "k_center", "kmeans", "typiclust",
    "facility_location", "probcover",
)  # fmt: skip
PARAMS: dict[str, dict[str, Any]] = {
    "balanced margin": {"class_balanced": 1.0},
    "probcover": {"delta": 0.85},  # rows of one group are some .8 apart
}
CLASSES, GROUPS = 10, 200
ROWS_PER_SHARD = 65_536
QUALITY_ROWS = 20_000  # the undivided greedy choice holds a matrix of so many rows squared


def batches(rows: int, dims: int) -> Iterator[Batch]:
    """Give the rows of the pool."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((GROUPS, dims), dtype=np.float32)
    weights = rng.dirichlet(np.full(GROUPS, 0.5))
    for start in range(0, rows, ROWS_PER_SHARD):
        n = min(ROWS_PER_SHARD, rows - start)
        features = centers[rng.choice(GROUPS, n, p=weights)]
        features = features + 0.7 * rng.standard_normal((n, dims), dtype=np.float32)
        probs = rng.dirichlet(np.full(CLASSES, 0.3), n).astype(np.float32)
        ids = [str(i) for i in range(start, start + n)]
        yield Batch(ids, features, probs, rng.random(n, dtype=np.float32))


def measure_in_process(
    place: Path, name: str, budget: int, memory: int | None
) -> dict[str, object]:
    """Choose in a process of its own."""
    arguments = [str(place), name, str(budget), json.dumps(memory)]
    command = [sys.executable, "-m", "benchmarks.shards", "--one", *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        return {"strategy": name, "error": process.stderr.strip().splitlines()[-1]}
    line: dict[str, object] = json.loads(process.stdout)
    return line


def measure_here(place: str, name: str, budget: int, memory: int | None) -> None:
    """Choose here, and print what it took."""
    from rayal.distributed.selecting import select_from_shards

    params = PARAMS.get(name, {})
    started, cpu = time.perf_counter(), time.process_time()
    strategy = name.rpartition(" ")[2]
    chosen = select_from_shards(place, strategy, budget, memory=memory, **params)
    line = {
        "strategy": name,
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **chosen.figures,
    }
    print(json.dumps(line))


def quality(place: Path, budget: int) -> dict[str, float]:
    """Compare coverage in levels and k-means over shards with those of the undivided pool."""
    from rayal.distributed.coverage import coverage, greedy, similarity
    from rayal.distributed.kmeans import kmeans
    from rayal.distributed.local import LocalExecutor
    from rayal.distributed.shard_rows import rows_at
    from rayal.kernels import clustering, distances

    shards = read_shard_set(place)
    none = np.empty(0, np.int64)
    rows = rows_at(shards, np.arange(shards.rows), unit=True)
    cover = coverage(LocalExecutor(), shards, none, budget, 0)
    undivided = greedy(similarity(rows, rows, None), np.zeros(len(rows), np.float32), budget)
    value = float(similarity(rows, rows[undivided], None).max(axis=1).mean(dtype=np.float64))
    over_shards = kmeans(LocalExecutor(), shards, none, budget, np.random.default_rng(0))
    clusters, centers = clustering.kmeans(rows, budget, np.random.default_rng(0), restarts=5)
    inertia = distances.to_own_center(rows, clusters, centers).sum(dtype=np.float64)
    return {
        "coverage": cover.value,
        "coverage_undivided": value,
        "inertia": over_shards.inertia,
        "inertia_one_machine": float(inertia),
    }


def main() -> None:
    """Print a line of JSON for each strategy."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--dims", type=int, default=128)
    parser.add_argument("--budget", type=int, nargs="+", default=[100])
    parser.add_argument("--memory", type=parse_bytes)
    parser.add_argument("--dtype", choices=["float16", "float32"], default="float16")
    parser.add_argument("--only", nargs="*", default=STRATEGIES)
    parser.add_argument("--folder", help="for the shards")
    parser.add_argument("--quality", action="store_true", help="of at most 20,000 rows")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        place, name, budget, memory = options.one
        measure_here(place, name, int(budget), json.loads(memory))
        return
    spent: dict[tuple[str, int], dict[int, float]] = {}
    for size in options.rows:
        with tempfile.TemporaryDirectory(prefix="shards-", dir=options.folder) as folder:
            _measure_pool(Path(folder) / "pool", size, options, spent)
    for (name, budget), seconds in spent.items():
        if len(seconds) > 1:
            slope = np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]
            print(json.dumps({"strategy": name, "budget": budget, "exponent": round(slope, 2)}))


def _measure_pool(
    place: Path,
    size: int,
    options: argparse.Namespace,
    spent: dict[tuple[str, int], dict[int, float]],
) -> None:
    rows = min(size, QUALITY_ROWS) if options.quality else size
    pool = batches(rows, options.dims)
    write_shards(place, pool, dtype=options.dtype, rows_per_shard=ROWS_PER_SHARD)
    if options.quality:
        print(json.dumps(quality(place, options.budget[0])))
        return
    for budget in options.budget:
        for name in options.only:
            line = measure_in_process(place, name, budget, options.memory)
            print(json.dumps({"rows": rows, "budget": budget, **line}), flush=True)
            if "cpu_seconds" in line:
                spent.setdefault((name, budget), {})[rows] = float(str(line["cpu_seconds"]))


if __name__ == "__main__":
    main()
