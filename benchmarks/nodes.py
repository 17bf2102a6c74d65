"""How a sweep gains from more nodes: `python -m benchmarks.nodes`.

The same sweep on clusters of 1, 2 and 4 nodes of one CPU each beside a head without CPUs, all on
this machine, counted from the moment the encoder stage is ready to the last record.

* Waiting trials hold their node's CPU and sleep, as a trial waits for its GPU. They measure what
  the sweep adds, on any number of nodes; the ideal is the sleeps alone, shared out evenly.
* Computing trials train a linear head on digits on queries of k-means, on 1 and 2 nodes. Nodes of
  one machine share its cores: they gain as far as cores are free, so measure on a quiet machine.

`steady` leaves out the start of the workers: it counts from the first trials' ends, one a node.
Heads are trained in bundles, whose trials end together, so it is not told of computing trials.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.ray_nodes import PLUGIN, nodes


@dataclass(frozen=True)
class Run:
    """A sweep on a number of nodes."""

    nodes: int
    used: int  # nodes that ran trials; 0 where they leave no marks
    ready: float  # when the encoder stage was, in seconds
    ends: list[float]  # of trials, ascending

    @property
    def seconds(self) -> float:
        return self.ends[-1] - self.ready

    @property
    def rate(self) -> float:
        """Trials a second, the start of the workers included."""
        return len(self.ends) / self.seconds

    @property
    def steady(self) -> float:
        """Trials a second once each node has ended one; NaN of too few."""
        rest = self.ends[self.nodes - 1 :]
        if len(rest) < 2:
            return math.nan
        return (len(rest) - 1) / (rest[-1] - rest[0])


def main() -> None:
    """Print a line for each kind of trial and number of nodes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4])
    options.add_argument("--trials", type=int, default=40, help="that wait; 0: none")
    options.add_argument("--seconds", type=float, default=2.0, help="that each waits")
    options.add_argument("--computing", type=int, default=400, help="trials that compute; 0: none")
    arguments = options.parse_args()
    if arguments.trials:
        print(f"{arguments.trials} trials that wait {arguments.seconds:g} s each")
        waiting = {"name": "waiting", "seconds": arguments.seconds}
        compare(
            (run(count, arguments.trials, waiting) for count in arguments.nodes), arguments.seconds
        )
    if arguments.computing:
        cores = len(os.sched_getaffinity(0))
        print(f"{arguments.computing} trials that compute; this process may use {cores} cores")
        linear = {"name": "linear"}
        compare(run(count, arguments.computing, linear) for count in arguments.nodes if count <= 2)


def compare(runs: Iterable[Run], seconds: float | None = None) -> None:
    """Print rates against the first run's and, where trials wait, against the waits alone."""
    first: Run | None = None
    for timing in runs:
        first = first or timing
        more = timing.nodes / first.nodes
        against = f"{timing.rate / first.rate:.2f} times the rate"
        line = (
            f"  {timing.nodes} nodes: {timing.seconds:6.1f} s, {timing.rate:.2f} trials/s, "
            f"{against} ({timing.rate / first.rate / more:.0%})"
        )
        if seconds:
            ideal = timing.nodes / seconds
            line += (
                f"; {timing.used} used, {timing.rate / ideal:.0%} of the waits alone; steady "
                f"{timing.steady:.2f} trials/s, {timing.steady / first.steady / more:.0%}, "
                f"{timing.steady / ideal:.0%} of the waits alone"
            )
        print(line, flush=True)


def run(count: int, trials: int, learner: dict[str, Any]) -> Run:
    """Run the sweep on a cluster of so many nodes."""
    with tempfile.TemporaryDirectory() as place, nodes() as cluster:
        folder = Path(place)
        marks = folder / "marks"
        marks.mkdir()
        if learner["name"] == "waiting":
            learner = {**learner, "marks": str(marks)}
        sweep = _write_sweep(folder, trials, learner)
        cluster.head()
        for _ in range(count):
            cluster.add()
        subprocess.run(
            [
                sys.executable, "-m", "rayal.sweep", str(sweep), "--out", str(folder / "run"),
                "--address", cluster.address, "--no-report",
            ],
            env=cluster.environment, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        used = {mark.name.split(".")[0] for mark in marks.iterdir()}
        events = [json.loads(line) for line in (folder / "run" / "log.jsonl").open()]
    [ready] = times(events, "stage_ready")
    return Run(count, len(used), ready, sorted(times(events, "trial_done")))


def times(events: Sequence[dict[str, Any]], name: str) -> list[float]:
    """When events of a log happened, in seconds."""
    event_times = [event["time"] for event in events if event["event"] == name]
    return [datetime.fromisoformat(time).timestamp() for time in event_times]


def _write_sweep(folder: Path, trials: int, learner: dict[str, Any]) -> Path:
    (folder / "plugin.py").write_text(PLUGIN)
    sweep = {
        "name": "nodes",
        "plugins": ["plugin.py"],
        "datasets": ["digits"],
        "encoders": ["pixels"],
        "strategies": ["random" if learner["name"] == "waiting" else "kmeans"],
        "learners": [learner],
        "budgets": [20],
        "seeds": trials,
        "resources": {"pretrain": {"cpus": 1}},
    }
    path = folder / "sweep.yaml"
    path.write_text(json.dumps(sweep))
    return path


if __name__ == "__main__":
    main()
