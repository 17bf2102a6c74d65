"""A sweep of 5,000 trivial trials, as a user runs it: `python -m benchmarks.scale`.

Every figure is that of a command, `python -m rayal.sweep`, seen from outside: its start, its
planning and its report are part of the times unless said otherwise.

* Plan: `--dry-run` of 5,000 and of 50,000 trials, with the memory that it takes.
* Run: throughput and memory of the driver under Ray, sampled while records come; accepted: growth
  of at most 30 kB a trial, by least squares over the last four fifths of the records.
* Baseline: the same trials with `--local`, in one process and without Ray.
* Again: the same command when all is done; accepted: at most 5 s until it says so. The report
  that it then makes is printed beside it.
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
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from benchmarks.overhead import PLUGIN

SAMPLE_SECONDS = 0.5


class Ran(NamedTuple):
    """A command that ended: seconds, memory in kB, and the seconds until it said a word."""

    seconds: float
    peak: float
    said_after: float = 0.0


class Sample(NamedTuple):
    """The state of a run at a time."""

    seconds: float
    records: int
    kilobytes: int


def main() -> None:
    """Print what planning, running and finding all done cost."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=5000)
    options.add_argument("--planned", type=int, default=50_000)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="rayal-scale-") as folder:
        sweep = _write(Path(folder))
        for trials in (1, arguments.trials, arguments.planned):
            plan = _timed([*_command(sweep, Path(folder) / "none", trials), "--dry-run"])
            print(f"plan of {trials} trials: {plan.seconds:.1f} s, {plan.peak / 1000:.0f} MB")
        for where in ("ray", "local"):
            out = Path(folder) / where
            command = _command(sweep, out, arguments.trials)
            _measure(where, [*command, "--local"] if where == "local" else command, out)
        again = _timed(_command(sweep, Path(folder) / "ray", arguments.trials), "are done already")
        print(
            f"again: {again.said_after:.1f} s until it says that all {arguments.trials} are done "
            f"(accepted: 5 s), {again.seconds:.1f} s with the report"
        )


def _write(folder: Path) -> Path:
    (folder / "plugin.py").write_text(PLUGIN)
    sweep = {
        "name": "scale",
        "plugins": ["plugin.py"],
        "datasets": ["digits"],
        "encoders": ["pixels"],
        "strategies": ["random"],
        "learners": ["instant"],
        "budgets": [2],
    }
    path = folder / "sweep.yaml"
    path.write_text(json.dumps(sweep))
    return path


def _command(sweep: Path, out: Path, trials: int) -> list[str]:
    set_seeds = ["--set", f"seeds={trials}"]
    return [sys.executable, "-m", "rayal.sweep", str(sweep), "--out", str(out), *set_seeds]


def _timed(command: list[str], word: str = "") -> Ran:
    """Run a command to its end."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said_after = 0.0
    for line in process.stdout or ():
        if word and word in line:
            said_after = time.perf_counter() - started
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Ran(time.perf_counter() - started, usage.ru_maxrss * 1.024, said_after)


def _measure(where: str, command: list[str], out: Path) -> None:
    """Run a sweep, watch its driver, print its pace and growth."""
    samples: list[Sample] = []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watcher = threading.Thread(target=lambda: samples.extend(_samples(process.pid, out)))
    watcher.start()
    _, _, usage = os.wait4(process.pid, 0)
    watcher.join()
    records = max(sample.records for sample in samples)
    during = [s for s in samples if 0 < s.records < records]
    steady = [s for s in during if s.records >= records / 5]
    spent = steady[-1].seconds - steady[0].seconds
    pace = (steady[-1].records - steady[0].records) / spent
    growth = np.polyfit([s.records for s in steady], [s.kilobytes for s in steady], 1)[0]
    print(
        f"{where}: {records} trials, {pace:.1f}/s, driver {during[0].kilobytes / 1000:.0f} MB at "
        f"the first and {during[-1].kilobytes / 1000:.0f} MB at the last, {growth:.1f} kB a trial"
        f"{' (accepted: 30 kB)' * (where == 'ray')}, "
        f"{usage.ru_maxrss * 1.024 / 1000:.0f} MB at most, "
        "with the report",
        flush=True,
    )


def _samples(driver: int, out: Path) -> Iterator[Sample]:
    """Look at a process until it has ended, not waiting for it."""
    started = time.perf_counter()
    while psutil.pid_exists(driver):
        try:
            kilobytes = psutil.Process(driver).memory_info().rss // 1000
            records = sum(path.name[0] != "." for path in (out / "records").iterdir())
            yield Sample(time.perf_counter() - started, records, kilobytes)
        except (FileNotFoundError, psutil.NoSuchProcess):
            pass  # not begun, or at its end
        time.sleep(SAMPLE_SECONDS)


if __name__ == "__main__":
    main()
