"""Small sweeps, run as a user runs them, for the tests of the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

SMALL = {
    "name": "small",
    "datasets": ["digits"],
    "encoders": ["pixels"],
    "strategies": ["random", "kmeans"],
    "learners": ["linear"],
    "budgets": [10, 20],
    "seeds": 3,
    "resources": {"pretrain": {"cpus": 1}, "trial": {"cpus": 1}, "machine_cpus": 2},
}

PLUGIN = '''
import os
import signal
import time
from pathlib import Path

import numpy as np

from rayal.contracts import Dataset, Embedding, Split, dataset, encoder, strategy


def first(pool, budget):
    return pool.unlabeled[:budget]


@strategy()
def poisoned(pool, budget, rng):
    """Fail always."""
    raise ZeroDivisionError("the poison")


@strategy()
def deadly(pool, budget, rng, *, marker: str = ""):
    """Kill the worker: always, or only while the marker is absent."""
    if not marker or not Path(marker).exists():
        if marker:
            Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return first(pool, budget)


@strategy()
def slow(pool, budget, rng, *, seconds: float = 0.2):
    """Take a while, then draw at random."""
    time.sleep(seconds)
    return rng.permutation(pool.unlabeled)[:budget]


@strategy()
def greedy_for_one(pool, budget, rng):
    """Break the contract: one image too many."""
    return pool.unlabeled[: budget + 1]


@dataset()
def deadly_data(*, planner: int):
    """Kill every process that reads it but that of the command, as too large data do."""
    if os.getppid() != planner:
        os.kill(os.getpid(), signal.SIGKILL)
    labels = np.arange(60) % 3
    images = np.arange(60 * 4, dtype=np.uint8).reshape(60, 2, 2, 1)
    return Dataset("deadly_data", ("a", "b", "c"), Split(images, labels), Split(images, labels))


@encoder()
def broken(dataset, rng, progress):
    """Give features that are not finite."""
    train = np.zeros((len(dataset.train.labels), 2), dtype=np.float32)
    train[7] = np.nan
    return Embedding(train, np.zeros((len(dataset.test.labels), 2), dtype=np.float32))
'''


def write_sweep(folder: Path, **changes: Any) -> Path:
    """Write SMALL with changes (None removes a key) and the plugin beside it."""
    tree = {key: value for key, value in {**SMALL, **changes}.items() if value is not None}
    (folder / "plugin.py").write_text(PLUGIN)
    path = folder / "sweep.yaml"
    path.write_text(json.dumps(tree))
    return path


def command(sweep: Path, out: Path, *options: str, report: bool = False) -> list[str]:
    """The command line; without its report, which costs more than most sweeps here."""
    ours = [sys.executable, "-m", "rayal.sweep", str(sweep), "--out", str(out), *options]
    return ours if report else [*ours, "--no-report"]


def suspend(process: subprocess.Popen[Any]) -> None:
    """Stop a child process for as long as a test looks, so that it neither ends nor writes.

    A signal stops a process only when its last thread has noticed: until then it still writes.
    """
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "OMP_", "TUNE_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def run(
    sweep: Path, out: Path, *options: str, report: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; stdout and stderr together in stdout."""
    return subprocess.run(
        command(sweep, out, *options, report=report),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=300, env=environment(), cwd=out.parent, check=False,
    )  # fmt: skip


def run_module(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run another command in a folder to its end; stdout and stderr together in stdout."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=300, env=environment(), cwd=folder, check=False,
    )  # fmt: skip


def mount(disk: Path, *options: str) -> bool:
    """Mount a file system in memory, which root alone may."""
    wanted = ["mount", "-t", "tmpfs", *options, "tmpfs", str(disk)]
    return subprocess.run(wanted, capture_output=True, check=False).returncode == 0


def fill(path: Path) -> None:
    """Write until the disk can take no more."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as ballast:
        while ballast.write(b"x" * 4096):
            pass


def records(out: Path) -> dict[str, dict[str, Any]]:
    return {p.stem: json.loads(p.read_text()) for p in (out / "records").glob("*.json")}


def results(out: Path) -> dict[str, list[dict[str, Any]]]:
    """What must not depend on where a trial ran: the rounds, without seconds."""
    return {
        trial: [
            {key: value for key, value in row.items() if not key.endswith("_seconds")}
            for row in record["rounds"]
        ]
        for trial, record in records(out).items()
    }


def assert_same_results(left: Path, right: Path) -> None:
    """Same indices exactly, same metrics to 1e-6."""
    ours, theirs = results(left), results(right)
    assert ours.keys() == theirs.keys()
    assert ours
    for trial, rows in ours.items():
        for mine, other in zip(rows, theirs[trial], strict=True):
            assert mine["selected"] == other["selected"]
            assert mine.keys() == other.keys()
            for key, value in mine.items():
                if isinstance(value, float):
                    same = abs(value - other[key]) <= 1e-6 or value != value != other[key]
                    assert same, (trial, key, value, other[key])
