"""Ends the run with a message of ours when the cluster is gone.

Ray ends the process itself, without unwinding it, a minute after the head's GCS has stopped to
answer and some seconds after the raylet of the driver's node has died. A thread looks at both more
often than that. Where the process reads from the object store meanwhile it is ended at once: for
that there is `last_word`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rayal.run.ray.errors import ClusterLostError

POLL_SECONDS = 1.0
CONNECT_SECONDS = 2.0
JOINED_PATIENCE = 45.0  # a head that keeps its state elsewhere may come back; Ray waits for 60 s
OWN_PATIENCE = 2.0  # nothing starts again what a driver has started
LEAVE_SECONDS = 15.0  # for Ray to leave a cluster that does not answer
UNWIND_SECONDS = 8.0  # for the main thread to leave Ray's calls


@dataclass(frozen=True)
class Service:
    """What must answer at an address for the run to go on."""

    name: str
    host: str
    port: int
    patience: float  # seconds without an answer after which it is lost

    def answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), CONNECT_SECONDS):
                return True
        except OSError:
            return False


def services(*, joined: bool) -> list[Service]:
    """The head of the cluster, and the part of it on this node."""
    import ray

    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    patience = JOINED_PATIENCE if joined else OWN_PATIENCE
    head = Service("the head of the Ray cluster", host.strip("[]"), int(port), patience)
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    processes = [
        Service(
            "Ray's raylet on this node",
            node["NodeManagerAddress"],
            node["NodeManagerPort"],
            OWN_PATIENCE,
        )
        for node in nodes
        if node["NodeID"] == context.get_node_id()
    ]
    return [head, *processes]


@contextlib.contextmanager
def watch_cluster(watched: Sequence[Service], say: Callable[[str], None]) -> Iterator[None]:
    """Look at services while the body runs; to be entered in the main thread.

    Raises:
        ClusterLostError: one does not answer any more.
    """
    watch = _ClusterWatch(watched, say)
    watch.start()
    try:
        yield
    except BaseException as error:
        if lost := watch.lost or watch.find_lost():
            raise ClusterLostError(lost) from error
        raise
    finally:
        watch.stop()


class _ClusterWatch:
    """The thread; it interrupts the main thread, which then raises what `lost` says."""

    def __init__(self, watched: Sequence[Service], say: Callable[[str], None]) -> None:
        self._watched, self._say = watched, say
        self._silent_since: dict[Service, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.lost = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def find_lost(self) -> str:
        """Say which service does not answer at this moment, "" where all do."""
        silent = [service for service in self._watched if not service.answers()]
        return _description(silent[0], CONNECT_SECONDS) if silent else ""

    def _watch(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            for service in self._watched:
                self._look(service)
            if self.lost:
                self._interrupt()
                return

    def _look(self, service: Service) -> None:
        if service.answers():
            self._silent_since.pop(service, None)
            return
        now = time.monotonic()
        if service not in self._silent_since:
            self._silent_since[service] = now
            if service.patience > OWN_PATIENCE:
                seconds = f"{service.patience:.0f} s"
                self._say(f"{service.name} does not answer; it is waited for, {seconds}")
        silent = now - self._silent_since[service]
        if silent >= service.patience:
            self.lost = _description(service, silent)

    def _interrupt(self) -> None:
        """Stop the main thread as a signal does; where it is stuck in a call of Ray's, the process.

        Some calls wait for the head until Ray ends the process, and no signal reaches them.
        """
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        if not self._stop.wait(UNWIND_SECONDS):
            self._say(f"rayal: {self.lost}; what is finished is kept: run the same command again")
            sys.stdout.flush()
            os._exit(1)


def _description(service: Service, seconds: float) -> str:
    return (
        f"{service.name} at {service.host}:{service.port} has not answered for {seconds:.0f} s: "
        "it has died, or the way to it is cut"
    )


def leave_lost_cluster() -> None:
    """End what of Ray is ours, without waiting for long for what does not answer."""
    import ray

    atexit.unregister(ray.shutdown)  # it would be tried again, and waited for
    leaving = threading.Thread(target=ray.shutdown, daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)
