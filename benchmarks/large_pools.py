"""Pools of 1e5 to 1e7 feature rows on one machine: python -m benchmarks.large_pools.

The features lie in a file that is mapped, and `rayal.query` is asked, in a process of its own for
each cell. Printed for each strategy, size and budget:

* seconds of wall and of processors;
* the peak of the resident memory, in which the pages of the mapped file that were read count, and
  of the memory of the process alone (anonymous);
* the exponent of N, by least squares on the logarithms of the processors' seconds.

`--seeds 20` prints what choices of the approximate and of the exact form lead to on as many pools
(`benchmarks.large_pool_seeds`).
`--quality` prints the objective of each approximate form over that of the exact one; where budgets
nest, the exact choice of the largest budget serves the others.
`--peers` prints time, memory and objective of facility location by apricot and submodlib and of
k-means by scikit-learn and faiss beside ours, of those that can be imported.

Made-up features: clusters of unequal sizes and widths with a falling spectrum.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from rich.console import Console
from rich.table import Table

STRATEGIES = [
    "random",
    "k_center",
    "kmeans",
    "facility_location",
    "typiclust",
    "maxherding",
    "probcover",
    "auto",
    "margin",
]
PARAMS: Mapping[str, Mapping[str, Any]] = {"probcover": {"delta": 0.6}}
CLASSES, CLUSTERS = 10, 300
ROWS = 65_536  # made at once
SAMPLE_SECONDS = 0.05
NESTING = {"k_center", "facility_location", "maxherding", "probcover"}  # of the exact forms
Cell = dict[str, Any]


def main() -> None:
    """Print the table, the qualities or the peers."""
    options = _options()
    if options.cell:
        print(json.dumps(_run_cell(json.loads(options.cell))), flush=True)
        return
    from benchmarks import large_pool_seeds

    console = Console(width=160)
    with tempfile.TemporaryDirectory(prefix="rayal-large-", dir=options.folder) as folder:
        if options.seeds:
            large_pool_seeds.compare_seeds(console, options, Path(folder))
        elif options.quality or options.peers:
            _compare(console, options, Path(folder))
        else:
            _measure(console, options, Path(folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--budgets", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--width", type=int, default=512, help="D")
    parser.add_argument("--dtype", choices=["float32", "float16"], default="float32")
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cap", type=float, default=1800, help="seconds a cell may take")
    parser.add_argument("--folder", help="for the features, 2 GB for a million rows")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--seeds", type=int, default=0, help="pools on which forms are compared")
    parser.add_argument("--approximate", action="store_true", help="at every size")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_features(path: Path, N: int, D: int, dtype: str, seed: int = 0) -> npt.NDArray[np.int64]:
    """Write made-up features (N, D), a part at a time; return the cluster (N,) of each row."""
    shape = np.random.default_rng(seed)
    spectrum = np.exp(-np.arange(D) / (D / 8)).astype(np.float32)
    centers = shape.standard_normal((CLUSTERS, D), dtype=np.float32)
    odds = shape.pareto(1.5, CLUSTERS) + 0.2
    widths = shape.uniform(0.3, 1.0, CLUSTERS).astype(np.float32)
    features = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), (N, D))
    clusters = np.empty(N, dtype=np.int64)
    for start in range(0, N, ROWS):
        rng = np.random.default_rng([1, start, seed])
        count = min(ROWS, N - start)
        own = rng.choice(CLUSTERS, count, p=odds / odds.sum())
        rows = rng.standard_normal((count, D), dtype=np.float32)
        rows *= widths[own][:, None]
        rows += centers[own]
        features[start : start + count] = rows * spectrum
        clusters[start : start + count] = own
    features.flush()
    return clusters


def _measure(console: Console, options: argparse.Namespace, folder: Path) -> None:
    cells: dict[tuple[str, int], dict[int, Cell]] = {}
    for N in options.sizes:
        path = folder / f"{N}.npy"
        write_features(path, N, options.width, options.dtype)
        for name in options.strategies:
            for budget in options.budgets:
                job = {
                    "path": str(path),
                    "strategy": name,
                    "budget": budget,
                    "approximate": options.approximate,
                }
                cell = _in_own_process(job, options.threads, options.cap)
                cells.setdefault((name, budget), {})[N] = cell
                console.print(f"N={N:,} {name} B={budget}: {_in_words(cell)}")
        path.unlink()
    table = Table(title=f"D = {options.width} of {options.dtype}, {options.threads} threads")
    for heading in ("strategy", "B", *(f"N={N:,}" for N in options.sizes), "exponent"):
        table.add_column(heading, justify="left" if heading == "strategy" else "right")
    for (name, budget), row in cells.items():
        words = (_in_words(row[N]) for N in options.sizes)
        table.add_row(name, f"{budget:,}", *words, _exponent(row))
    console.print(table)


def _in_words(cell: Cell) -> str:
    if "skipped" in cell:
        return str(cell["skipped"])
    return (
        f"{cell['wall']:.1f} s wall, {cell['cpu']:.1f} s CPU, {cell['peak'] / 2**30:.2f} GiB "
        f"({cell['own'] / 2**30:.2f} own)"
    )


def _exponent(row: Mapping[int, Cell]) -> str:
    times = {N: cell["cpu"] for N, cell in row.items() if "cpu" in cell}
    if len(times) < 2:
        return ""
    return f"{np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)[0]:.2f}"


def _in_own_process(job: Mapping[str, Any], threads: int, cap: float) -> Cell:
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    env = {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.large_pools", "--cell"]
    try:
        ran = subprocess.run(
            [*command, json.dumps(job)],
            env=env,
            capture_output=True,
            text=True,
            timeout=cap,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"skipped": f"> {cap:g} s"}
    if ran.returncode:
        return {"skipped": f"failed: {(ran.stderr.strip().splitlines() or ['killed'])[-1][:90]}"}
    cell: Cell = json.loads(ran.stdout.splitlines()[-1])
    return cell


def _run_cell(job: Mapping[str, Any]) -> Cell:
    """Ask one strategy, and measure; the process does nothing else."""
    from benchmarks import large_pool_peers

    features = np.load(job["path"], mmap_mode="r")
    if "peer" in job:
        ask = large_pool_peers.PEERS[job["peer"]]
        return _watched(lambda: ask(features, job["budget"]))
    return _watched(lambda: query(features, job))


def query(features: npt.NDArray[Any], job: Mapping[str, Any]) -> npt.NDArray[np.int64]:
    """Ask a strategy, in the form that the job names."""
    import rayal
    from rayal.strategies import _large_pools

    if job.get("approximate") or job.get("exact"):
        _large_pools.LARGE = len(features) if job.get("exact") else 0
    name = job["strategy"]
    if name == "margin":
        probs = np.random.default_rng(0).dirichlet(np.ones(CLASSES), len(features))
        return rayal.query(name, job["budget"], probs=probs.astype(np.float32))
    params = PARAMS.get(name, {})
    return rayal.query(name, job["budget"], features=features, seed=job.get("seed", 0), **params)


def _watched(work: Any) -> Cell:
    """Return what the work takes, and its picks; memory is sampled by a thread."""
    process, done = psutil.Process(), threading.Event()
    peaks = {"peak": 0, "own": 0}

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            memory = process.memory_info()
            peaks["peak"] = max(peaks["peak"], memory.rss)
            peaks["own"] = max(peaks["own"], memory.rss - memory.shared)

    watcher = threading.Thread(target=sample)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        picks = np.asarray(work()).tolist()
    finally:
        done.set()
        watcher.join()
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return {**spent, **peaks, "picks": picks}


def _compare(console: Console, options: argparse.Namespace, folder: Path) -> None:
    """Print objectives beside times: of the exact forms, or of other libraries."""
    from benchmarks.large_pool_peers import OBJECTIVES

    for N in options.sizes:
        path = folder / f"{N}.npy"
        write_features(path, N, options.width, options.dtype)
        table = Table(title=f"N = {N:,}, D = {options.width}, {options.threads} threads")
        for heading in ("what", "B", "takes", "objective", "of the first"):
            table.add_column(heading, justify="left" if heading == "what" else "right")
        for name in options.strategies:
            if name in OBJECTIVES:
                _compare_strategy(console, options, path, name, table)
        console.print(table)
        path.unlink()


def _compare_strategy(
    console: Console, options: argparse.Namespace, path: Path, name: str, table: Table
) -> None:
    from benchmarks import large_pool_peers

    features = np.load(path, mmap_mode="r")
    jobs: dict[str, Cell] = {
        f"{name}, exact": {"strategy": name, "exact": True},
        f"{name}, approximate": {"strategy": name, "approximate": True},
    }
    jobs |= {rival: {"peer": rival} for rival in large_pool_peers.rivals(name) if options.peers}
    nested: Cell = {}
    for budget in sorted(options.budgets, reverse=True):
        first = None
        for what, job in jobs.items():
            if nested and job.get("exact"):
                cell = {**nested, "picks": nested["picks"][:budget]}
            else:
                cell = _in_own_process(
                    {"path": str(path), "budget": budget, **job}, options.threads, options.cap
                )
            if job.get("exact") and name in NESTING and "picks" in cell:
                nested = cell
            value, picks = None, cell.get("picks")
            if picks is not None:
                value = large_pool_peers.OBJECTIVES[name](features, np.array(picks))
                first = first or value
            console.print(f"[dim]{path.stem} {what} B={budget}: {_in_words(cell)} {value}[/]")
            ratio = f"{value / first:.4f}" if value and first else ""
            shown = "" if value is None else f"{value:.5g}"
            table.add_row(what, f"{budget:,}", _in_words(cell), shown, ratio)


if __name__ == "__main__":
    main()
