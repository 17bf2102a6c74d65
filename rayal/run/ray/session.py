"""Starting a Ray of our own, or joining one: settings, authentication, the end of it."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from rayal.doctor.check import mend_process
from rayal.doctor.checks import cpus, disk, leftovers, load, sockets, source
from rayal.doctor.checks.proxies import LOOPBACK, bypass_proxies
from rayal.doctor.checks.shared_memory import measured_shared_memory, plan_store
from rayal.doctor.request import Request
from rayal.run.preflight import request_for
from rayal.run.ray.cluster_watch import leave_lost_cluster
from rayal.run.ray.errors import ClusterError, ClusterLostError
from rayal.run.ray.joining import join_cluster, token_file
from rayal.run.ray.last_word import last_word
from rayal.run.ray.trust import find_cluster
from rayal.run.signals import handlers_kept, interruptible
from rayal.storage.scratch import scratch_folder
from rayal.sweep.schema import Resources

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # Ray's 15 leaves workers 3 % of a core beside others' work
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths in a sweep mean the same in every process
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_raylet_start_wait_time_s": "60",  # one that lives has registered; a dead one is seen
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run` Ray would send the working directory
    "RAY_ROTATION_MAX_BYTES": "20000000",  # of each log, in place of half a gigabyte
    "RAY_ROTATION_BACKUP_COUNT": "1",
    "RAY_task_events_max_num_task_in_gcs": "10000",  # the head remembers no more ended tasks
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output is silent at verbose=0, the new one is not
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # work that asks for no GPU sees none
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours stops at once: nothing finished can be lost
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # records are the truth, Tune's snapshots are not used
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
START_ATTEMPTS = 3


@dataclass(frozen=True)
class RaySession:
    """A Ray that runs."""

    scratch: Path  # a folder for temporary files
    joined: bool  # a cluster that was there before, and stays


@contextlib.contextmanager
def ray_session(
    resources: Resources,
    address: str | None,
    say: Callable[[str], None],
    feature_bytes: int = 0,
) -> Iterator[RaySession]:
    """Start a Ray of our own, or join the one at an address, for as long as the body takes.

    Args:
        resources: what the Ray that is started may use of this machine.
        address: of a cluster; "auto" for that of this user on this machine; None to start one.
        say: told what happens.
        feature_bytes: that workers share, at the least.

    Raises:
        ClusterError: Ray does not start, nothing answers there, or there is no token for it.
    """
    joined = named_address(address)
    _refuse_client(joined)
    if "ray" in sys.modules and not SETTINGS.items() <= os.environ.items():
        raise ClusterError(
            "ray was imported before the sweep could set it up, and it reads its security settings "
            "when it is imported: run the sweep before any `import ray`"
        )
    os.environ.update(SETTINGS)
    mend_process()
    if joined == "auto":
        joined = find_cluster()
    say(f"joining the Ray cluster at {joined}" if joined else "starting Ray")
    bypass_proxies(*LOOPBACK, *([joined.rpartition(":")[0]] if joined else []))
    with last_word(), scratch_folder(None if joined else _short_folder(say)) as scratch:
        with handlers_kept():
            dashboard = (
                join_cluster(joined, say)
                if joined
                else _start(scratch, resources, feature_bytes, say)
            )
        # Ray has put signal handlers of its own in place.
        with interruptible(), _left_at_the_end(ray_of_ours=None if joined else scratch):
            if dashboard:
                say(_dashboard_line(dashboard))
            yield RaySession(scratch, joined=bool(joined))


@contextlib.contextmanager
def _left_at_the_end(ray_of_ours: Path | None) -> Iterator[None]:
    import ray

    leave = partial(_end_own, ray_of_ours) if ray_of_ours else ray.shutdown
    try:
        yield
    except ClusterLostError:
        leave = leave_lost_cluster
        raise
    finally:
        leave()


def _end_own(scratch: Path) -> None:
    """End a Ray of our own, in a scratch folder.

    Its autoscaler, which has nothing to scale, ends first: it would wait a second for services
    that Ray ends before it.
    """
    import ray

    _kill(leftovers.ray_processes(scratch, running="/ray/autoscaler/"))
    ray.shutdown()


def named_address(address: str | None) -> str | None:
    """The cluster that is meant: "auto" for one that is to be found, None for one of our own."""
    from_environment = os.environ.get("RAY_ADDRESS")
    named = from_environment or address if address in (None, "auto") else address
    return None if named == "local" else named


def _short_folder(say: Callable[[str], None]) -> Path:
    """The place for temporary files, or another, from now on, where the paths of sockets fit.

    Raises:
        ClusterError: there is none.
    """
    usual, folder = Path(tempfile.gettempdir()), sockets.short_folder()
    if folder is None:
        raise ClusterError(
            f"the paths of Ray's sockets do not fit below {usual}, and {sockets.no_short_folder()}"
        )
    if folder != usual:
        os.environ["TMPDIR"] = str(folder)  # Ray's services make sockets of their own, too
        say(f"temporary files go to {folder}: Ray's sockets have no room below {usual}")
    return folder


@cache
def _token() -> str:
    """A new token; Ray reads it once a process."""
    return secrets.token_hex(32)


def _start(
    scratch: Path, resources: Resources, feature_bytes: int, say: Callable[[str], None]
) -> str | None:
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
    request = request_for(resources, "start", None)
    for name, value in _start_settings(scratch).items():
        os.environ.setdefault(name, value)
    source.name_to_workers()
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            return _start_services(scratch, request, feature_bytes)
        except Exception as error:  # a service that does not start raises a bare one
            _kill(leftovers.ray_processes(scratch))  # that are left of this start
            if attempt == START_ATTEMPTS or "timed out" not in str(error).lower():
                first_line = str(error).strip().partition("\n")[0]
                raise ClusterError(
                    f"Ray could not be started: {first_line} Use --local to do without."
                ) from error
            say("Ray's services did not start in time: they are started again")
    raise AssertionError("the last attempt returns or raises")


def _start_services(scratch: Path, request: Request, feature_bytes: int) -> str | None:
    import ray

    return ray.init(
        address="local",
        num_cpus=cpus.cpus_for_ray(cpus.measured_cpus(), request),
        **_object_store(scratch, feature_bytes),
        include_dashboard=True,
        dashboard_host="127.0.0.1",
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=str(scratch / "ray"),
    ).dashboard_url


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _start_settings(scratch: Path) -> dict[str, str]:
    """Settings of a Ray of our own that follow from the state of this machine."""
    full = disk.capacity_threshold(disk.disk_under(scratch))
    return {
        **load.time_outs(load.current_load().slowness),
        "RAY_local_fs_capacity_threshold": f"{full:.4f}",
    }


def _object_store(scratch: Path, feature_bytes: int) -> dict[str, Any]:
    """Arguments of `ray.init` for a store that fits into what there is of /dev/shm."""
    plan = plan_store(measured_shared_memory(), feature_bytes)
    if plan.size is None:
        return {}
    place = {"_plasma_directory": str(scratch)} if plan.on_disk else {}
    return {"object_store_memory": plan.size, **place}


def _refuse_client(address: str | None) -> None:
    """Through Ray's client Tune would run on the head, away from what our driver watches."""
    if address and address.startswith("ray://"):
        raise ClusterError(
            f"'{address}' is an address of the Ray client, which cannot carry a sweep: run it on "
            "the cluster, `ray job submit -- python -m rayal.sweep ...`, or give a head's own "
            "address (HOST:6379) on one of the cluster's machines"
        )


def _dashboard_line(dashboard: str) -> str:
    token = "RAY_AUTH_TOKEN" if os.environ.get("RAY_AUTH_TOKEN") else token_file()
    asks = os.environ.get("RAY_AUTH_MODE") == "token"
    where = f" (the page asks for the token in {token})" if asks else ""
    return f"Ray dashboard: http://{dashboard}{where}"
