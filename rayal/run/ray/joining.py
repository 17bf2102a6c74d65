"""Joining a Ray cluster that is there already: its token, and patience with one that starts."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rayal.run.ray.errors import ClusterError
from rayal.storage import reachable

LISTEN_SECONDS = 60.0  # for a head that was started a moment ago to listen
POLL_SECONDS = 0.5
CONNECT_SECONDS = 5.0
ATTEMPTS = 3  # of a head that listens and does not answer; each takes about a minute
# Ray would ask such a head 20 times by itself, a quarter of an hour, without a word.
ASK_ONCE = ("RAY_gcs_server_port_wait_time_s", "1")


def join_cluster(address: str, say: Callable[[str], None]) -> str | None:
    """Join the cluster at HOST:PORT; return its dashboard's host and port.

    Args:
        address: of the cluster's head.
        say: told what is waited for.

    Raises:
        ClusterError: nothing answers there in time, or there is no token for it.
    """
    _check_token(address)
    _wait_for_listener(address, say)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _connect(address)
        except ConnectionError as error:  # it has not started whole, or is too busy
            if attempt == ATTEMPTS:
                raise ClusterError(_no_answer(address, _reason(error))) from error
            say(f"{_no_answer(address, _reason(error))}; it is asked again")
        except (RuntimeError, ValueError) as error:
            raise ClusterError(_no_answer(address, _reason(error))) from error
    raise AssertionError("the last attempt returns or raises")


def token_file() -> Path:
    """The file that has the token of the cluster, where no variable has it."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))


def _check_token(address: str) -> None:
    """State the authentication explicitly: a joined cluster without a token hangs for a minute."""
    mode = os.environ.setdefault("RAY_AUTH_MODE", "token")
    if mode != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    path = token_file()
    if not reachable.is_file(path):
        raise ClusterError(
            f"no token for the cluster at '{address}': {path} cannot be reached; set "
            "RAY_AUTH_TOKEN_PATH to the cluster's token file (or RAY_AUTH_MODE=disabled for a "
            "cluster that has no authentication)"
        )
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _wait_for_listener(address: str, say: Callable[[str], None]) -> None:
    """Return when something listens at an address; what is no HOST:PORT is left to Ray.

    Raises:
        ClusterError: nothing does in time.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return
    until, is_announced = time.monotonic() + LISTEN_SECONDS, False
    while (reason := _why_not_connected(host.strip("[]"), int(port))) is not None:
        if time.monotonic() >= until:
            raise ClusterError(
                f"{_no_answer(address, reason)}; give the address of its head, --address HOST:6379"
            )
        if not is_announced:
            say(f"{_no_answer(address, reason)}; it is waited for, {LISTEN_SECONDS:.0f} s")
            is_announced = True
        time.sleep(POLL_SECONDS)


def _why_not_connected(host: str, port: int) -> str | None:
    """What stands against a connection, None where there is one."""
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS):
            return None
    except (OSError, OverflowError, UnicodeError) as error:
        return getattr(error, "strerror", None) or str(error)


def _connect(address: str) -> str | None:
    import ray

    try:
        with _environment(*ASK_ONCE):
            joined = ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except BaseException:
        ray.shutdown()  # what an attempt has begun would stand in the way of the next
        raise
    return joined.dashboard_url


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable for a moment, unless the user has."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _no_answer(address: str, reason: str) -> str:
    return f"no Ray cluster answers at '{address}': {reason}"


def _reason(error: BaseException) -> str:
    """The first line of what was raised, and of what it was raised from, without its traceback."""
    lines = [str(e).strip().partition("\n")[0] for e in (error, error.__cause__) if e is not None]
    texts = [line.partition(" Last connection error:")[0].rstrip(". ") for line in lines]
    return ": ".join(filter(None, texts))
