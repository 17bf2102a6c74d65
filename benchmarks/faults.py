"""A cluster of hosts with a sweep's driver on its head, and what can happen to it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import hosts
from benchmarks.hosts import Cluster, Host

ROOT = Path(__file__).parent.parent


class Field:
    """Head, workers and driver. Whoever runs a cluster starts again what gave up: `tend` does."""

    def __init__(self, folder: Path, sweep: Path, workers: int, settings: dict[str, str]) -> None:
        ours = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self._cluster = Cluster.in_folder(folder, {**ours, **settings})
        self._sweep, self._hosts, self.out = sweep, 1 + workers, folder / "out"
        self._said = folder / "driver.txt"
        self.head, *self.workers = (Host(n, self._cluster) for n in range(1, 2 + workers))
        self._with_ray = {self.head, *self.workers}
        self._driver: subprocess.Popen[bytes] | None = None
        self._wants_driver = True
        self._later: list[tuple[float, Callable[[], None]]] = []

    @property
    def driver(self) -> subprocess.Popen[bytes] | None:
        """The sweep's process; None while it waits for the head."""
        return None if self._wants_driver else self._driver

    @property
    def is_whole(self) -> bool:
        """Whether nothing is still to come that belongs to a strike."""
        return not self._later and not self._wants_driver

    def tend(self) -> None:
        """Do what is due; start what should run and does not."""
        now = time.monotonic()
        due = [action for at, action in self._later if at <= now]
        self._later = [(at, action) for at, action in self._later if at > now]
        for action in due:
            action()
        answers = self.head.has_ray() and self.head.answers(hosts.PORT)
        for host in self._with_ray:
            if not host.has_ray() and (answers or host.is_head):
                self._restart(host)
        if answers and self._wants_driver:
            self._start_driver()

    def _restart(self, host: Host) -> None:
        """Start Ray again from nothing; with the head's processes the driver goes."""
        host.kill()
        host.start_ray()
        if host.is_head and self._driver:
            self.want_driver()

    def _start_driver(self) -> None:
        """The same command at every start."""
        address = f"{self.head.address}:{hosts.PORT}"
        sweep = [sys.executable, "-m", "rayal.sweep", str(self._sweep), "--out", str(self.out)]
        self._driver = self.head.open([*sweep, "--address", address], self._said)
        self._wants_driver = False

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, from `tend`."""
        self._later.append((time.monotonic() + seconds, action))

    def want_ray(self, host: Host) -> None:
        self._with_ray.add(host)

    def want_driver(self) -> None:
        self._wants_driver = True

    def lose(self, host: Host) -> None:
        """Kill all of a host's processes and leave it so."""
        self._with_ray.discard(host)
        host.kill()

    def lose_driver(self) -> None:
        self.head.send(signal.SIGKILL, "rayal.sweep")
        if self.driver:
            self.driver.wait()

    def dismiss(self, host: Host) -> Host:
        """Tell a worker to leave for good; return a new host in its place, without Ray."""
        self._with_ray.discard(host)
        host.stop()
        return self.replace(host)

    def replace(self, host: Host) -> Host:
        """Take a worker out for good; return a new host in its place, without Ray."""
        self.lose(host)
        self.workers.remove(host)
        self._hosts += 1
        self.workers.append(Host(self._hosts, self._cluster))
        return self.workers[-1]

    def has_trained(self) -> bool:
        """Whether an encoder that trains has left what it makes: pixels make no map."""
        return any(self.out.glob("artefacts/[!.]*/map.parquet"))

    def with_process(self, title: str) -> list[Host]:
        """Workers on which a process with this in its title runs."""
        return [host for host in self.workers if host.processes(title)]

    def end(self) -> None:
        for host in (self.head, *self.workers):
            self.lose(host)


# Strikes: each returns False when there was nothing to strike yet ----------------------

Strike = Callable[[Field, random.Random], bool]


def _some_seconds(rng: random.Random) -> float:
    return rng.uniform(1, 4)


def _kill_for_a_while(field: Field, host: Host, rng: random.Random) -> None:
    field.lose(host)
    field.after(_some_seconds(rng), lambda: field.want_ray(host))


def training_node() -> Strike:
    """Make a strike that kills a node on which an encoder trains, after an epoch that was kept."""
    last = 0.0

    def strike(field: Field, rng: random.Random) -> bool:
        nonlocal last
        kept = [p for p in field.out.glob("artefacts/*.unfinished/*") if p.name[0] != "."]
        training = field.with_process("ray::pretrain")
        if not training or max((p.stat().st_mtime for p in kept), default=0.0) <= last:
            return False
        last = time.time()
        _kill_for_a_while(field, training[0], rng)
        return True

    return strike


def strike_encoder_node(field: Field, rng: random.Random) -> bool:
    """Kill the encoder actors, which are beside the driver: the node goes with the driver alone."""
    held = field.head.processes("ray::EncoderActor")
    field.head.send(signal.SIGKILL, "ray::EncoderActor")
    return bool(held)


def strike_trial_node(field: Field, rng: random.Random) -> bool:
    """Kill a node on which a trial is under way."""
    busy = field.with_process("Trainable.train")
    if busy:
        _kill_for_a_while(field, rng.choice(busy), rng)
    return bool(busy)


def strike_driver(field: Field, rng: random.Random) -> bool:
    """Kill the sweep's process; the same command follows."""
    field.lose_driver()
    field.after(_some_seconds(rng), field.want_driver)
    return True


def strike_head(field: Field, rng: random.Random) -> bool:
    """Kill all that is on the head, GCS and driver; cluster and command start again."""
    field.lose(field.head)
    field.lose_driver()

    def again() -> None:
        field.want_ray(field.head)
        field.want_driver()

    field.after(_some_seconds(rng), again)
    return True


def partition(seconds: float) -> Strike:
    """Make a strike that takes a worker's network away for so long."""

    def strike(field: Field, rng: random.Random) -> bool:
        """Lose every packet between a worker and all others."""
        host = rng.choice(field.workers)
        host.cut()
        field.after(seconds, host.mend)
        return True

    return strike


def strike_leave_return(field: Field, rng: random.Random) -> bool:
    """Let a worker leave, told to or killed; a new one comes."""
    host = rng.choice(field.workers)
    new = field.dismiss(host) if rng.random() < 0.5 else field.replace(host)
    field.after(_some_seconds(rng), lambda: field.want_ray(new))
    return True
