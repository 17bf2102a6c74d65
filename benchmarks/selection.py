"""Time and memory of every strategy on made-up features: python -m benchmarks.selection.

Printed for each registered strategy that arrays are enough for, at its default parameters:

* seconds of one query of B images, and the peak memory it adds to the arrays (MB);
* the exponent of N, by least squares on log time over the sizes that ended;
* x peer: how many times scikit-activeml takes as long, and whether the picks are the same;
* x twin: the same for the definition written down in NumPy, at 2,000 images.

Last, k_center at the largest size beside a plain read of the same matrix, which a choice of B that
works out all distances has to read B times. Each cell runs in a process of its own, with the
threads asked for; those above the cap are named as skipped, and so are those that smaller sizes
foretell to be far above it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import selection_peers
from benchmarks.selection_peers import Ask
from rayal.contracts import UNLABELED, DatasetMap, Pool, Predictions
from rayal.registry import STRATEGIES

D, CLASSES, LABELED = 128, 10, 100
SIZES, BUDGETS, THREADS = [5_000, 20_000, 100_000, 1_000_000], [100], [1]
TWIN_SIZE = 2_000
FORETOLD = 4  # times the cap: cells that should take longer are not begun
N_SQUARED = {"probcover", "maxherding", "uherding"}
Cell = dict[str, Any]


def main() -> None:
    """Print a table for each number of threads and budget."""
    options = _options()
    if options.stage:
        _run_stage(json.loads(options.stage))
        return
    console = Console(width=150)
    for threads in options.threads:
        for budget in options.budgets:
            _print_table(console, options, threads, budget)
        size = max(options.sizes)
        cells = _stage(
            threads, {"bandwidth": size, "budget": options.reads, "cap": options.peer_cap}
        )
        for cell in cells:
            _print_bandwidth(console, cell, size, options.reads)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    parser.add_argument("--threads", type=int, nargs="+", default=THREADS)
    parser.add_argument("--strategies", nargs="+", help="only these")
    parser.add_argument("--cap", type=float, default=15, help="seconds a cell may take")
    parser.add_argument("--peer-cap", type=float, default=150, help="the same for scikit-activeml")
    parser.add_argument("--peer-size", type=int, default=20_000, help="largest size for it")
    parser.add_argument("--reads", type=int, default=1_000, help="B of k_center beside plain reads")
    parser.add_argument("--quick", action="store_true", help="sizes 2,000 and 5,000 alone")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.peer_size, options.reads = [2_000, 5_000], 5_000, 100
    return options


def _print_table(console: Console, options: argparse.Namespace, threads: int, budget: int) -> None:
    names = options.strategies or STRATEGIES.names()
    cells: dict[str, dict[int, Cell]] = {name: {} for name in names}
    twins: dict[str, Cell] = {}
    for N in sorted({TWIN_SIZE, *options.sizes}):
        jobs = {name: _foretold(cells[name], N, options.cap) for name in names}
        job = {
            "N": N,
            "budget": budget,
            "names": [name for name in names if jobs[name] is None],
            "cap": options.cap,
            "peer_cap": options.peer_cap if N in options.sizes and options.peer_size >= N else 0,
            "twins": N == TWIN_SIZE,
        }
        for name, reason in jobs.items():
            if reason:
                cells[name][N] = {"skipped": reason}
        for cell in _stage(threads, job):
            if cell["kind"] == "twin":
                twins[cell["name"]] = cell
            elif cell["kind"] == "peer":
                cells[cell["name"]][N]["peer"] = cell
            else:
                cells[cell["name"]][N] = cell
            console.print(f"[dim]N={N:,} {cell['kind']} {cell['name']}: {_in_words(cell)}[/dim]")
    console.print(_table(options, threads, budget, cells, twins))


def _foretold(cells: Mapping[int, Cell], N: int, cap: float) -> str | None:
    """Return why a cell should not be begun, or None."""
    if any("skipped" in cell for cell in cells.values()):
        return str(next(cell["skipped"] for cell in cells.values() if "skipped" in cell))
    times = {n: cell["seconds"] for n, cell in cells.items()}
    slope = _exponent(times)
    if slope is None:
        return None
    expected = times[max(times)] * (N / max(times)) ** slope
    return f"skipped: > {cap:g} s" if expected > FORETOLD * cap else None


def _exponent(times: Mapping[int, float]) -> float | None:
    """Return the slope of log time over log N, or None with fewer than two sizes."""
    if len(times) < 2:
        return None
    return float(np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)[0])


def _table(
    options: argparse.Namespace,
    threads: int,
    budget: int,
    cells: Mapping[str, Mapping[int, Cell]],
    twins: Mapping[str, Cell],
) -> Table:
    table = Table(title=f"B = {budget}, D = {D}, {LABELED} labels, {threads} thread(s)")
    sizes = [f"N={N:,}" for N in options.sizes]
    for heading in ("strategy", *sizes, "exponent of N", "x peer", "x twin"):
        table.add_column(heading, justify="left" if heading == "strategy" else "right")
    for name, row in cells.items():
        times = {N: row[N]["seconds"] for N in options.sizes if "seconds" in row.get(N, {})}
        slope = _exponent(times)
        power = "" if slope is None else f"{slope:.2f}"
        table.add_row(
            name,
            *(_in_words(row.get(N, {})) for N in options.sizes),
            f"{power} (N^2 by definition)" if name in N_SQUARED else power,
            _against_peer(row),
            _against_twin(twins.get(name), row.get(TWIN_SIZE, {})),
        )
    return table


def _in_words(cell: Cell) -> str:
    if "skipped" in cell:
        return str(cell["skipped"])
    return f"{cell['seconds']:.3f} s {cell['megabytes']:.0f} MB" if "seconds" in cell else ""


def _against_peer(row: Mapping[int, Cell]) -> str:
    lines = []
    for N, cell in row.items():
        if "peer" not in cell:
            continue
        peer = cell["peer"]
        if "skipped" in peer:
            lines.append(f"N={N:,}: {peer['skipped']}")
        elif "seconds" in cell:
            same = ", same picks" if peer["picks"] == cell["picks"] else ""
            lines.append(f"N={N:,}: {peer['seconds'] / cell['seconds']:.1f}{same}")
    return "\n".join(lines)


def _against_twin(twin: Cell | None, cell: Cell) -> str:
    if twin is None or "seconds" not in twin or "seconds" not in cell:
        return ""
    same = ", same picks" if twin["picks"] == cell["picks"] else ""
    return f"{twin['seconds'] / cell['seconds']:.1f}{same}"


def _print_bandwidth(console: Console, cell: Cell, N: int, budget: int) -> None:
    if "skipped" in cell:
        console.print(f"k_center N={N:,} B={budget}: {cell['skipped']}")
        return
    size = 4 * N * D / 1e9
    rate = size / cell["read"]
    console.print(
        f"k_center N={N:,} B={budget}: {cell['seconds']:.2f} s, {cell['megabytes']:.0f} MB more; "
        f"{size * budget / cell['seconds']:.1f} GB/s of features, a plain read in the same run "
        f"{rate:.1f} GB/s: {size * budget / rate / cell['seconds']:.0%} of it"
    )


def _stage(threads: int, job: Mapping[str, Any]) -> Iterator[Cell]:
    """Yield what a process with that many threads finds, as it finds it."""
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    env = {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.selection"]
    with subprocess.Popen(
        [*command, "--stage", json.dumps(job)], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise RuntimeError(f"the process for {dict(job)} ended with {process.returncode}")


def _run_stage(job: Mapping[str, Any]) -> None:
    """Make the arrays once, and run each cell in a fork, which shares them."""
    if "bandwidth" in job:
        pool = made_up_pool(job["bandwidth"])
        _report("bandwidth", "k_center", _forked(lambda: _bandwidth(pool, job), job["cap"]))
        return
    pool, B = made_up_pool(job["N"]), job["budget"]
    for name in job["names"]:
        missing = _missing(name)
        if missing:
            _report("ours", name, {"skipped": f"needs {missing}"})
            continue
        _report("ours", name, _timed(partial(_query, name), pool, B, job["cap"]))
        if job["peer_cap"] and name in selection_peers.PEERS:
            peer = _timed(selection_peers.PEERS[name], pool, B, job["peer_cap"])
            _report("peer", name, peer)
        if job["twins"] and name in selection_peers.TWINS:
            _report("twin", name, _timed(selection_peers.TWINS[name], pool, B, job["cap"]))


def _report(kind: str, name: str, cell: Cell) -> None:
    print(json.dumps({"kind": kind, "name": name, **cell}), flush=True)


def _timed(ask: Ask, pool: Pool, budget: int, cap: float) -> Cell:
    """Measure in a fork, after a small query that loads libraries and starts threads."""

    def work() -> Cell:
        ask(made_up_pool(2 * LABELED), 5)
        return _measured(lambda: ask(pool, budget))

    return _forked(work, cap)


def made_up_pool(N: int) -> Pool:
    """Return overlapping blobs with random predictions; no thread pool is started."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((N, D), dtype=np.float32)
    truth = rng.integers(CLASSES, size=N)
    centers = rng.standard_normal((CLASSES, D), dtype=np.float32) / 2
    for start in range(0, N, 8192):
        features[start : start + 8192] += centers[truth[start : start + 8192]]
    labels = np.full(N, UNLABELED)
    known = rng.choice(N, LABELED, replace=False)
    labels[known] = truth[known]
    probs = rng.dirichlet(np.full(CLASSES, 0.5), N).astype(np.float32)
    confidence = {tau: rng.random(N, dtype=np.float32) for tau in (0.05,)}
    return Pool(
        features,
        labels,
        CLASSES,
        map=DatasetMap(confidence, confidence, np.ones(N, np.int64), (probs[:, 0], probs[:, 1])),
        true_labels=truth,
        predictions=Predictions(
            probs[:1],
            lambda: probs,
            lambda passes, _: (np.roll(probs, shift, axis=0) for shift in range(passes)),
            lambda: (np.roll(probs, shift, axis=0) for shift in range(5)),
            lambda: features,
            lambda: features[:, : CLASSES - 1],
            lambda: np.append(centers, np.zeros((CLASSES, 1), np.float32), axis=1),
        ),
    )


def _missing(name: str) -> str:
    """Return what the strategy reads that the made-up pool has not."""
    component = STRATEGIES.find(name)
    settings = {
        "predictions",
        "dropout",
        "views",
        "hidden",
        "last_layer",
        "prototypes",
        "labels",
        "map",
        "truth_map",
    }
    try:
        return ", ".join(sorted(component.traits.needs(component.bind({})) - settings))
    except ValueError as error:
        return str(error)


def _query(name: str, pool: Pool, budget: int) -> Any:
    component = STRATEGIES.find(name)
    return component.function(pool, budget, np.random.default_rng(0), **component.bind({}))


def _bandwidth(pool: Pool, job: Mapping[str, Any]) -> Cell:
    reads = []
    for _ in range(5):
        began = time.perf_counter()
        pool.features.view(np.int32).max()
        reads.append(time.perf_counter() - began)
    _query("k_center", made_up_pool(2 * LABELED), 5)
    measured = _measured(lambda: _query("k_center", pool, job["budget"]))
    return {**measured, "read": min(reads)}


def _measured(query: Callable[[], Any]) -> Cell:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    picks = query()
    seconds = time.perf_counter() - began
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "megabytes": more / 1024, "picks": np.asarray(picks).tolist()}


def _forked(work: Callable[[], Cell], cap: float) -> Cell:
    """Return what a fork of this process finds, or that it was skipped."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(work, sender))
    process.start()
    sender.close()
    cell: Cell = {"skipped": f"skipped: > {cap:g} s"}
    if receiver.poll(cap):
        try:
            cell = receiver.recv()
        except EOFError:
            cell = {"skipped": "ended without an answer (memory?)"}
    process.kill()
    process.join()
    return cell


def _answer(work: Callable[[], Cell], sender: Connection) -> None:
    try:
        sender.send(work())
    except Exception as error:  # noqa: BLE001  a strategy that fails is a row of the table
        sender.send({"skipped": f"failed: {type(error).__name__}: {error}"[:90]})


if __name__ == "__main__":
    main()
