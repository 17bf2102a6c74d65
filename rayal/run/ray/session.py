"""Starting a Ray of our own, or joining one: settings and authentication."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from rayal.sweep.file import Resources

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",  # a busy machine may need more than Ray's minute
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths in a sweep mean the same in every process
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output is silent at verbose=0, the new one is not
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours stops at once: nothing finished can be lost
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # records are the truth, Tune's snapshots are not used
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


class ClusterError(Exception):
    """Ray cannot do what the sweep asks; the message says what and the way out."""


@contextlib.contextmanager
def ray_session(
    resources: Resources, address: str | None, say: Callable[[str], None]
) -> Iterator[None]:
    """Start a Ray of our own, or join the one at an address, for as long as the body takes.

    Raises:
        ClusterError: Ray does not start, nothing answers there, or there is no token for it.
    """
    joined = address or os.environ.get("RAY_ADDRESS")
    _refuse_client(joined)
    if "ray" in sys.modules and not SETTINGS.items() <= os.environ.items():
        raise ClusterError(
            "ray was imported before the sweep could set it up, and it reads its security settings "
            "when it is imported: run the sweep before any `import ray`"
        )
    os.environ.update(SETTINGS)
    say(f"joining the Ray cluster at {joined}" if joined else "starting Ray")
    with tempfile.TemporaryDirectory(prefix="rayal-", ignore_cleanup_errors=True) as scratch:
        dashboard = _join(joined) if joined else _start(Path(scratch), resources)
        import ray

        try:
            if dashboard:
                say(_dashboard_line(dashboard))
            yield
        finally:
            ray.shutdown()


@cache
def _new_token() -> Path:
    """A new token in a file that only this user can read; Ray reads it once a process."""
    folder = Path(tempfile.mkdtemp(prefix="rayal-token-"))  # mode 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    return token


def _start(scratch: Path, resources: Resources) -> str | None:
    """Start a Ray of our own: on 127.0.0.1 alone, with a token that only this user can read.

    Returns the dashboard's host and port.
    """
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(_new_token())
    os.environ.pop("RAY_AUTH_TOKEN", None)
    # Despite its name this is what makes every service bind to the loopback address.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray

    try:
        return ray.init(
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
