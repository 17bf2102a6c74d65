"""A cluster that grows from nothing and shrinks back: `python -m benchmarks.autoscaling`.

Ray's autoscaler with its provider for one machine starts and ends nodes of one CPU; the head has no
CPU. A sweep with `resources.autoscale` sends trials that wait (as if for a GPU) and leave a mark of
their node; with `--together`, none ends before trials run on all workers. Printed: the seconds from
the sweep's start to each worker, the first and the last trial, the sweep's end, and the end of the
last worker; and how many trials each node ran.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.ray_nodes import PLUGIN, Nodes, nodes

IDLE_MINUTES = 0.1  # after which a worker goes
HEAD_TYPE = "ray.head.default"  # the name that the provider gives the head
PATIENCE = 500.0  # seconds for the sweep, and again for the workers to go


@dataclass(frozen=True)
class Timeline:
    """Seconds from the sweep's start, and what was run where."""

    came: list[float]  # the first worker, the second ...
    first_trial: float
    last_trial: float
    sweep_ended: float
    gone: float | None  # none is left; None: not within PATIENCE
    status: int  # of the sweep's command
    trials: dict[str, int]  # by node


def main() -> None:
    """Print the timeline."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=24)
    options.add_argument("--seconds", type=float, default=2.0, help="that a trial waits")
    options.add_argument("--workers", type=int, default=3, help="that the cluster may start")
    options.add_argument("--together", action="store_true", help="wait for all workers")
    options.add_argument("--json", action="store_true", help="print the numbers alone")
    arguments = options.parse_args()
    learner = {
        "seconds": arguments.seconds,
        "nodes": arguments.workers if arguments.together else 1,
    }
    timeline = measure(arguments.trials, learner, arguments.workers)
    print(json.dumps(asdict(timeline)) if arguments.json else described(timeline))


def measure(trials: int, learner: dict[str, Any], workers: int) -> Timeline:
    """Run a sweep on a cluster of no workers."""
    with tempfile.TemporaryDirectory() as place, nodes() as cluster:
        folder = Path(place)
        config = folder / "provider.json"
        config.write_text(json.dumps(provider(cluster, workers)))
        cluster.head(
            f"--autoscaling-config={config}",
            RAY_FAKE_CLUSTER="1",
            AUTOSCALER_UPDATE_INTERVAL_S="1",
        )
        sweep = _write_sweep(folder, trials, learner, workers)
        command = [
            sys.executable, "-m", "rayal.sweep", str(sweep), "--out", str(folder / "run"),
            "--address", cluster.address,
        ]  # fmt: skip
        with (folder / "said.txt").open("wb") as output:
            began = time.time()
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=cluster.environment
            )
            came, end, gone = _watch(process, cluster, began)
        if status := process.wait():
            print((folder / "said.txt").read_text(), file=sys.stderr)
        ends = _ends(folder / "run" / "log.jsonl")
        by_node = Counter(mark.name.split(".")[0][-8:] for mark in (folder / "marks").iterdir())
        first, last = (round(at - began, 1) for at in (min(ends), max(ends)))
        return Timeline(came, first, last, end, gone, status, dict(by_node))


def _watch(
    process: subprocess.Popen[bytes], cluster: Nodes, began: float
) -> tuple[list[float], float, float | None]:
    """Count workers until the sweep has ended and none is left."""
    came: list[float] = []
    end: float | None = None
    until = time.time() + PATIENCE
    while time.time() < until:
        now, workers = round(time.time() - began, 1), cluster.raylets() - 1
        came += [now] * (workers - len(came))
        if end is None and process.poll() is not None:
            end, until = now, time.time() + PATIENCE
        if end is not None and not workers:
            return came, end, now
        time.sleep(0.25)
    process.kill()
    return came, end or round(time.time() - began, 1), None


def _ends(log: Path) -> list[float]:
    events = [json.loads(line) for line in log.read_text().splitlines()]
    done = [event["time"] for event in events if event["event"] == "trial_done"]
    return [datetime.fromisoformat(time).timestamp() for time in done]


def _write_sweep(folder: Path, trials: int, learner: dict[str, Any], workers: int) -> Path:
    (folder / "plugin.py").write_text(PLUGIN)
    (folder / "marks").mkdir()
    sweep = {
        "name": "growing",
        "plugins": ["plugin.py"],
        "datasets": ["digits"],
        "encoders": ["pixels"],
        "strategies": ["random"],
        "learners": [{"name": "waiting", "marks": str(folder / "marks"), **learner}],
        "budgets": [10],
        "seeds": trials,
        "resources": {"pretrain": {"cpus": 1}, "autoscale": {"nodes": workers, "cpus": 1}},
    }
    path = folder / "sweep.yaml"
    path.write_text(json.dumps(sweep))
    return path


def provider(cluster: Nodes, workers: int) -> dict[str, Any]:
    """What `ray start --autoscaling-config` takes for workers on this machine."""
    empty_lists = (
        "initialization_commands", "setup_commands", "head_setup_commands",
        "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands",
        "cluster_synced_files", "rsync_exclude", "rsync_filter",
    )  # fmt: skip
    return {
        "cluster_name": "growing",
        "max_workers": workers,
        "idle_timeout_minutes": IDLE_MINUTES,
        "upscaling_speed": 1.0,
        "provider": {
            "type": "fake_multinode",
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "gcs_address": cluster.address,
        },
        "head_node_type": HEAD_TYPE,
        "available_node_types": {
            HEAD_TYPE: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "worker": {
                "resources": {"CPU": 1, "object_store_memory": 80_000_000},
                "node_config": {},
                "min_workers": 0,
                "max_workers": workers,
            },
        },
        **{name: [] for name in empty_lists},
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "file_mounts_sync_continuously": False,
    }


def described(timeline: Timeline) -> str:
    """Say a timeline in lines."""
    gone = (
        "they did not all go"
        if timeline.gone is None
        else f"{timeline.gone:6.1f} s  no worker left"
    )
    return "\n".join(
        [
            *(f"{at:6.1f} s  worker {n} runs" for n, at in enumerate(timeline.came, start=1)),
            f"{timeline.first_trial:6.1f} s  first trial done",
            f"{timeline.last_trial:6.1f} s  last trial done",
            f"{timeline.sweep_ended:6.1f} s  the sweep has ended, with status {timeline.status}",
            gone,
            f"trials by node: {', '.join(f'{k} {v}' for k, v in timeline.trials.items())}",
        ]
    )


if __name__ == "__main__":
    main()
