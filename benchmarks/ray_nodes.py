"""Several Ray nodes on one machine, each a `ray start` of its own, for benchmarks and tests.

A cluster has a folder, ports and a token of its own. What ends with it is what names its folder:
no other Ray of the machine is touched (`ray stop` would end them all).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
STARTED = "Ray runtime started"  # what `ray start` says when its node is part of the cluster
PATIENCE = 180.0  # seconds for a node to start on a busy machine
SLOW = "timed out during startup"  # what Ray says after 30 s, which it offers no option for
ATTEMPTS = 4
OBJECT_STORE = 100_000_000  # bytes a node

# A learner that holds its trial's CPU and computes nothing, as one that waits for a GPU, and leaves
# a mark of the node it ran on.
PLUGIN = '''
import os
import time
import uuid
from pathlib import Path

import numpy as np

from rayal.contracts import Predictions, learner


def mark(folder, *about):
    import ray

    node = ray.get_runtime_context().get_node_id()
    Path(folder, ".".join([node, *map(str, about), uuid.uuid4().hex])).touch()


@learner()
def waiting(task, rng, *, seconds: float = 0.0, marks: str, nodes: int = 1):
    """Wait, and for trials on so many nodes, then answer that all classes are alike."""
    mark(marks)
    time.sleep(seconds)
    until = time.monotonic() + 400
    while len({name.split(".")[0] for name in os.listdir(marks)}) < nodes:
        assert time.monotonic() < until, f"no trial ran on {nodes} nodes"
        time.sleep(0.1)
    even = lambda n: np.full((n, task.num_classes), 1 / task.num_classes, dtype=np.float32)
    return Predictions(even(len(task.test)), lambda: even(len(task.train)))
'''


class Nodes:
    """A cluster whose nodes all run here."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._started = folder, list[subprocess.Popen[bytes]]()
        self.port, self.dashboard = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "OMP_", "TUNE_"))}
        self.environment = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def head(self, *options: str, dashboard: bool = False, **settings: str) -> None:
        """Start the head, without CPUs of its own: it takes no trials."""
        first = [
            "--head", f"--port={self.port}", f"--temp-dir={self._folder}",
            f"--include-dashboard={dashboard}", f"--dashboard-port={self.dashboard}",
            f"--ray-client-server-port={free_port()}",
        ]  # fmt: skip
        self._start(0, 0, [*first, *options], settings)

    def add(self, *, cpus: float = 1, gpus: float = 0) -> None:
        """Start another node."""
        self._start(cpus, gpus, [f"--address={self.address}"], {})

    def _start(
        self, cpus: float, gpus: float, options: list[str], settings: dict[str, str]
    ) -> None:
        """Start a node; where the machine is too busy for Ray's bound, start it again."""
        for attempt in range(ATTEMPTS):
            log_text = self._try_to_start(cpus, gpus, options, settings)
            if STARTED in log_text:
                return
            if SLOW not in log_text or attempt == ATTEMPTS - 1:
                raise RuntimeError(f"a node did not start: {log_text[-1500:]}")

    def _try_to_start(
        self, cpus: float, gpus: float, options: list[str], settings: dict[str, str]
    ) -> str:
        """Return what `ray start` printed until the node was there; what became none ends."""
        log = self._folder / f"node{len(self._started)}.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "ray.scripts.scripts", "start", "--block",
                    "--node-ip-address=127.0.0.1", "--disable-usage-stats",
                    f"--num-cpus={cpus:g}", f"--num-gpus={gpus:g}",
                    f"--object-store-memory={OBJECT_STORE}",
                    f"--dashboard-agent-listen-port={free_port()}", *options,
                ],
                stdout=output, stderr=subprocess.STDOUT, env={**self.environment, **settings},
                start_new_session=True,
            )  # fmt: skip
        self._started.append(process)
        until = time.monotonic() + PATIENCE
        parts: set[psutil.Process] = set()
        while STARTED not in (log_text := log.read_text(errors="replace")):
            if process.poll() is not None or time.monotonic() > until:
                _kill(parts)  # a raylet that comes up later would be one node too many
                return log_text
            with contextlib.suppress(psutil.NoSuchProcess):
                parts.update(psutil.Process(process.pid).children(recursive=True))
            time.sleep(0.1)
        return log_text

    def raylets(self) -> int:
        """How many nodes run, the head included."""
        commands = {tuple(command) for _, command in self._processes()}  # a fork looks the same
        return sum(Path(command[0]).name == "raylet" for command in commands)

    def _processes(self) -> Iterator[tuple[psutil.Process, list[str]]]:
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            if any(str(self._folder) in word for word in command):
                yield process, command

    def stop(self) -> None:
        """End every process of this cluster, those that start others first."""
        for process in self._started:
            process.kill()
            process.wait()
        while left := [process for process, _ in self._processes()]:
            _kill(left)


def _kill(processes: Collection[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


@contextlib.contextmanager
def nodes() -> Iterator[Nodes]:
    """Give a cluster without nodes, which ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="rn-"))  # short: paths of sockets have a limit
    cluster = Nodes(folder)
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
