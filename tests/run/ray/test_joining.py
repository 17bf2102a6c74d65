import os
import socket
import threading
from collections.abc import Iterator

import pytest

from rayal.run.ray import joining
from rayal.run.ray.errors import ClusterError
from rayal.run.ray.joining import ASK_ONCE, join_cluster

DASHBOARD = "127.0.0.1:8265"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv(ASK_ONCE[0], raising=False)
    monkeypatch.setattr(joining, "POLL_SECONDS", 0.01)


@pytest.fixture
def port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def address() -> Iterator[str]:
    """An address at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Exception | str) -> list[str]:
    """Let Ray answer so, one attempt after the other; return the list of attempts."""
    attempts: list[str] = []

    def connect(address: str) -> str:
        attempts.append(address)
        answer = answers[len(attempts) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(joining, "_connect", connect)
    return attempts


def test_a_head_that_listens_later_is_waited_for_and_that_is_said(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "LISTEN_SECONDS", 600.0)
    answering(monkeypatch, DASHBOARD)
    told: list[str] = []
    heard = threading.Event()

    def say(text: str) -> None:
        told.append(text)
        heard.set()

    def listen() -> None:
        heard.wait()
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.accept()

    head = threading.Thread(target=listen)
    head.start()
    assert join_cluster(f"127.0.0.1:{port}", say) == DASHBOARD
    head.join()
    assert told == [
        f"no Ray cluster answers at '127.0.0.1:{port}': Connection refused; it is waited for, 600 s"
    ]


def test_an_address_at_which_nobody_listens_is_refused_in_time(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "LISTEN_SECONDS", 0.0)
    attempts = answering(monkeypatch)
    with pytest.raises(ClusterError, match="Connection refused; give the address of its head"):
        join_cluster(f"127.0.0.1:{port}", print)
    assert attempts == []


def test_a_head_that_listens_and_does_not_answer_yet_is_asked_again(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = ConnectionError("Failed to connect to Ray cluster.\nmore")
    busy.__cause__ = RuntimeError("No node info. Last connection error: Traceback\n...")
    attempts = answering(monkeypatch, busy, busy, DASHBOARD)
    told: list[str] = []
    assert join_cluster(address, told.append) == DASHBOARD
    line = f"no Ray cluster answers at '{address}': Failed to connect to Ray cluster: No node info"
    assert told == [f"{line}; it is asked again"] * 2
    assert attempts == [address] * 3


def test_a_head_that_never_answers_and_one_that_refuses_end_the_attempts(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = answering(monkeypatch, *[ConnectionError("silent")] * 4)
    with pytest.raises(ClusterError, match=rf"no Ray cluster answers at '{address}': silent$"):
        join_cluster(address, lambda text: None)
    assert attempts == [address] * joining.ATTEMPTS
    attempts = answering(monkeypatch, RuntimeError("Version mismatch"))
    with pytest.raises(ClusterError, match="Version mismatch"):
        join_cluster(address, lambda text: None)
    assert attempts == [address]


def test_ray_itself_asks_once_and_a_later_start_has_its_own_patience(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def init(**_: object) -> None:
        seen.append(os.environ.get(ASK_ONCE[0]))
        raise ValueError("enough")

    monkeypatch.setattr("ray.init", init)
    for _ in range(2):
        with pytest.raises(ClusterError, match="enough"):
            join_cluster(address, lambda text: None)
        assert seen.pop() == "1"
        assert ASK_ONCE[0] not in os.environ
    monkeypatch.setenv(ASK_ONCE[0], "7")
    with pytest.raises(ClusterError, match="enough"):
        join_cluster(address, lambda text: None)
    assert (seen, os.environ[ASK_ONCE[0]]) == (["7"], "7")


def test_what_is_no_host_and_port_is_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "LISTEN_SECONDS", 0.0)
    answering(monkeypatch, ValueError("Invalid address format: head"))
    with pytest.raises(ClusterError, match="Invalid address format: head"):
        join_cluster("head", lambda text: None)
