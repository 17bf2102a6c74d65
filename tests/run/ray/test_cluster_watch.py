import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from rayal.run.ray import cluster_watch
from rayal.run.ray.cluster_watch import Service, watch_cluster
from rayal.run.ray.errors import ClusterLostError
from rayal.run.signals import interruptible
from tests import sweeps


def listen() -> tuple[socket.socket, Service]:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server, Service("the head", "127.0.0.1", server.getsockname()[1], 0.2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_watch, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(cluster_watch, "OWN_PATIENCE", 0.1)


def test_a_head_that_goes_ends_the_run_with_its_name_and_address() -> None:
    server, head = listen()
    told: list[str] = []

    def work() -> None:
        with interruptible(), watch_cluster([head], told.append):
            time.sleep(0.3)
            server.close()
            time.sleep(60)

    with pytest.raises(ClusterLostError, match=f"the head at 127.0.0.1:{head.port} has not"):
        work()
    assert told == ["the head does not answer; it is waited for, 0 s"]


def test_an_error_that_comes_of_a_lost_head_is_told_as_such_and_another_is_not() -> None:
    server, head = listen()

    def fail() -> None:
        with watch_cluster([head], print):
            raise ConnectionError("rpc")

    with pytest.raises(ConnectionError, match="rpc"):
        fail()
    server.close()
    with pytest.raises(ClusterLostError) as lost:
        fail()
    assert isinstance(lost.value.__cause__, ConnectionError)


STUCK = """
import signal, time
from rayal.run.ray import cluster_watch
from rayal.run.ray.cluster_watch import Service, watch_cluster
from rayal.run.signals import interruptible
cluster_watch.POLL_SECONDS = cluster_watch.UNWIND_SECONDS = 0.1
with interruptible(), watch_cluster([Service("the head", "127.0.0.1", 1, 0.0)], print):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # as in some calls of Ray's
    time.sleep(60)
"""


def test_a_call_that_no_signal_reaches_does_not_keep_the_process() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True, timeout=60,
        env=sweeps.environment(), check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "rayal: the head at 127.0.0.1:1 has not answered" in ended.stdout
    assert "run the same command again" in ended.stdout


def test_a_person_who_interrupts_is_not_told_of_a_lost_head() -> None:
    server, head = listen()

    def interrupt() -> None:
        with interruptible(), watch_cluster([head], print):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    with server, pytest.raises(KeyboardInterrupt):
        interrupt()
