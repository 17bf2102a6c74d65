"""Starting a Ray of our own, or joining one: settings, authentication, the end of it."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rayal.run.ray.cluster_watch import leave_lost_cluster
from rayal.run.ray.errors import ClusterError, ClusterLostError
from rayal.run.ray.trust import find_cluster
from rayal.run.signals import interruptible
from rayal.storage.scratch import scratch_folder
from rayal.sweep.schema import Resources

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",  # a busy machine may need more than Ray's minute
    "RAY_worker_niceness": "0",  # Ray's 15 leaves workers 3 % of a core beside others' work
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths in a sweep mean the same in every process
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output is silent at verbose=0, the new one is not
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # work that asks for no GPU sees none
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours stops at once: nothing finished can be lost
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # records are the truth, Tune's snapshots are not used
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NO_PROXY = ("no_proxy", "NO_PROXY", "no_grpc_proxy")  # who reads which differs by library
LONGEST_SOCKET_PATH = 107  # bytes that the system takes, less the closing zero
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
RAY_SOCKET = "/rayal-12345678/ray/session_2000-01-01_00-00-00_000000_4194304/sockets/plasma_store.1"


@dataclass(frozen=True)
class RaySession:
    """A Ray that runs."""

    scratch: Path  # a folder for temporary files
    joined: bool  # a cluster that was there before, and stays


@contextlib.contextmanager
def ray_session(
    resources: Resources, address: str | None, say: Callable[[str], None]
) -> Iterator[RaySession]:
    """Start a Ray of our own, or join the one at an address, for as long as the body takes.

    Args:
        resources: what the Ray that is started may use of this machine.
        address: of a cluster; "auto" for that of this user on this machine; None to start one.
        say: told what happens.

    Raises:
        ClusterError: Ray does not start, nothing answers there, or there is no token for it.
    """
    joined = _named_address(address)
    _refuse_client(joined)
    if "ray" in sys.modules and not SETTINGS.items() <= os.environ.items():
        raise ClusterError(
            "ray was imported before the sweep could set it up, and it reads its security settings "
            "when it is imported: run the sweep before any `import ray`"
        )
    os.environ.update(SETTINGS)
    if joined == "auto":
        joined = find_cluster()
    say(f"joining the Ray cluster at {joined}" if joined else "starting Ray")
    _bypass_proxies(*LOOPBACK, *([joined.rpartition(":")[0]] if joined else []))
    with scratch_folder(None if joined else _short_folder(say)) as scratch:
        dashboard = _join(joined) if joined else _start(scratch, resources)
        with interruptible(), _left_at_the_end():  # Ray has put signal handlers of its own in place
            if dashboard:
                say(_dashboard_line(dashboard))
            yield RaySession(scratch, joined=bool(joined))


@contextlib.contextmanager
def _left_at_the_end() -> Iterator[None]:
    import ray

    leave = ray.shutdown
    try:
        yield
    except ClusterLostError:
        leave = leave_lost_cluster
        raise
    finally:
        leave()


def _named_address(address: str | None) -> str | None:
    """The cluster that is meant: "auto" for one that is to be found, None for one of our own."""
    from_environment = os.environ.get("RAY_ADDRESS")
    named = from_environment or address if address in (None, "auto") else address
    return None if named == "local" else named


def _bypass_proxies(*hosts: str) -> None:
    """Keep proxies away from hosts: Ray's services talk to one another by HTTP and gRPC."""
    if not any(name.lower().endswith("_proxy") and value for name, value in os.environ.items()):
        return
    listed = [host for name in NO_PROXY for host in os.environ.get(name, "").split(",")]
    merged = dict.fromkeys([*(host.strip() for host in listed if host.strip()), *hosts])
    os.environ.update(dict.fromkeys(NO_PROXY, ",".join(merged)))


def _short_folder(say: Callable[[str], None]) -> Path:
    """The place for temporary files, or another, from now on, where the paths of sockets fit.

    Raises:
        ClusterError: there is none.
    """
    usual = Path(tempfile.gettempdir())
    for folder in (usual, *map(Path, SHORT_FOLDERS)):
        fits = len(os.fsencode(folder)) + len(RAY_SOCKET) <= LONGEST_SOCKET_PATH
        if fits and os.access(folder, os.W_OK | os.X_OK):
            if folder != usual:
                os.environ["TMPDIR"] = str(folder)  # Ray's services make sockets of their own, too
                say(f"temporary files go to {folder}: Ray's sockets do not fit below {usual}")
            return folder
    most = LONGEST_SOCKET_PATH - len(RAY_SOCKET)
    raise ClusterError(
        f"the paths of Ray's sockets do not fit below {usual}, and none of "
        f"{', '.join(SHORT_FOLDERS)} can be written to: set TMPDIR to a folder whose path has at "
        f"most {most} bytes, or use --local"
    )


@cache
def _token() -> str:
    """A new token; Ray reads it once a process."""
    return secrets.token_hex(32)


def _start(scratch: Path, resources: Resources) -> str | None:
    """Start a Ray of our own: on 127.0.0.1 alone, with a token that only this user can read.

    Returns the dashboard's host and port.
    """
    os.environ["RAY_AUTH_MODE"] = "token"
    token = scratch / "token"
    token.touch(mode=0o600)
    token.write_text(_token())
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
    os.environ.pop("RAY_AUTH_TOKEN", None)
    # Despite its name this is what makes every service bind to the loopback address.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray

    try:
        return ray.init(
            address="local",
            num_cpus=resources.machine_cpus or None,
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(scratch / "ray"),
        ).dashboard_url
    except Exception as error:  # a service that does not start raises a bare one
        first_line = str(error).strip().partition("\n")[0]
        raise ClusterError(
            f"Ray could not be started: {first_line} Use --local to do without."
        ) from error


def _join(address: str) -> str | None:
    """Join a cluster that is there already; returns its dashboard's host and port."""
    _check_token(address)
    import ray

    try:
        joined = ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"no Ray cluster answers at '{address}': {str(error).splitlines()[0]}"
        ) from error
    return joined.dashboard_url


def _refuse_client(address: str | None) -> None:
    """Through Ray's client Tune would run on the head, away from what our driver watches."""
    if address and address.startswith("ray://"):
        raise ClusterError(
            f"'{address}' is an address of the Ray client, which cannot carry a sweep: run it on "
            "the cluster, `ray job submit -- python -m rayal.sweep ...`, or give a head's own "
            "address (HOST:6379) on one of the cluster's machines"
        )


def _check_token(address: str) -> None:
    """State the authentication explicitly: a joined cluster without a token hangs for a minute."""
    mode = os.environ.setdefault("RAY_AUTH_MODE", "token")
    if mode != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    path = _token_file()
    if not path.is_file():
        raise ClusterError(
            f"no token for the cluster at '{address}': {path} does not exist; set "
            "RAY_AUTH_TOKEN_PATH to the cluster's token file (or RAY_AUTH_MODE=disabled for a "
            "cluster that has no authentication)"
        )
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _token_file() -> Path:
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))


def _dashboard_line(dashboard: str) -> str:
    token = "RAY_AUTH_TOKEN" if os.environ.get("RAY_AUTH_TOKEN") else _token_file()
    asks = os.environ.get("RAY_AUTH_MODE") == "token"
    where = f" (the page asks for the token in {token})" if asks else ""
    return f"Ray dashboard: http://{dashboard}{where}"
