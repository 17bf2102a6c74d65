"""Experiment trackers: one run per trial, its parameters, its metrics after each round.

The sweep file asks for them (`track: {mlflow: sqlite:///runs.db}`). They are told by the driver as
records arrive, in a thread; the run's own records stay the truth. A tracker knows which trials it
has, so a sweep that is started again sends what is missing, and one that is done already can be
given a tracker later.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from rayal.credentials import HIDDEN, names_credentials, without_credentials
from rayal.events.mlflow import MlflowTracker
from rayal.events.tensorboard import TensorboardTracker
from rayal.events.tracker import Tracker
from rayal.events.wandb import WandbTracker
from rayal.storage.location import Location
from rayal.sweep.errors import SweepError
from rayal.sweep.file import Sweep

FROM_ENVIRONMENT = "environment"  # an address that no file should hold
SHORTEST_SECRET = 4  # characters; shorter ones are found in other words
FILE_SCHEMES = ("file", "sqlite")


def check_trackers(sweep: Sweep) -> None:
    """Refuse what a plan can tell is wrong with them; SweepError."""
    if sweep.track.mlflow not in (None, FROM_ENVIRONMENT):
        refuse_secrets(str(sweep.track.mlflow))
    if re.match(r"[a-z][a-z0-9+.-]+:/", sweep.track.tensorboard or "", re.IGNORECASE):
        raise SweepError("track.tensorboard is written to a disk: give a folder, no address")


def open_trackers(sweep: Sweep, root: Location) -> list[Tracker]:
    """Open what the sweep file asks for; root: the run's directory.

    Raises:
        SweepError: a package is missing, or the tracker cannot be reached or written to.
    """
    track, name = sweep.track, sweep.name
    trackers: list[Tracker] = []
    if (uri := track.mlflow) is not None:
        address = _mlflow_address(uri)
        trackers.append(_open("mlflow", "mlflow", lambda: MlflowTracker(address, name)))
    if (folder := track.tensorboard) is not None:
        events = Path(folder)
        trackers.append(_open("tensorboard", "tensorboardX", lambda: TensorboardTracker(events)))
    if track.wandb is not None:
        run = _on_disk(root)
        trackers.append(_open("wandb", "wandb", lambda: WandbTracker(run, name)))
    return trackers


def _open(option: str, package: str, make: Callable[[], Tracker]) -> Tracker:
    if importlib.util.find_spec(package) is None:
        raise SweepError(
            f"track.{option}: the package {package} is not installed; "
            f"pip install 'rayal[{option}]', or take {option} out of the sweep's track"
        )
    try:
        return make()
    except Exception as error:  # whatever a client library raises
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        shown = _without_secrets_of_environment(without_credentials(first_line))
        raise SweepError(f"track.{option} cannot be used: {shown}") from error


def _without_secrets_of_environment(text: str) -> str:
    """Leave out what MLflow was given by the environment: clients cut addresses into pieces."""
    secrets = [os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("PASSWORD", "TOKEN")]
    with contextlib.suppress(ValueError):  # no address that can be cut
        uri = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", ""))
        secrets += [uri.username, uri.password, *(value for _, value in parse_qsl(uri.query))]
    for secret in secrets:
        if secret and len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return text


def _on_disk(root: Location) -> Path:
    if isinstance(root, Path):
        return root
    raise SweepError(
        f"track.wandb: offline runs are written to a disk, and the results go to {root}; take "
        "wandb out of the sweep's track, or give a directory with --out"
    )


def refuse_secrets(uri: str) -> None:
    """Refuse an address that may hold a secret: the sweep file is kept with the run and its report.

    A user name alone may be a token, and a query may hold one under any name; so neither is taken.

    Raises:
        SweepError: there may be one; the message does not repeat it.
    """
    plain = unquote(uri)
    address, _, _ = plain.partition("#")
    address, query, _ = address.partition("?")
    if query or "#" in plain or ";" in address or _names_user(address) or names_credentials(plain):
        raise SweepError(
            "track.mlflow: a password, a token, a user or a query does not belong in a sweep file, "
            "which is kept with the results; give a user as MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, a token as MLFLOW_TRACKING_TOKEN, or the whole address as "
            f"MLFLOW_TRACKING_URI, with track: {{mlflow: {FROM_ENVIRONMENT}}}"
        )


def _names_user(address: str) -> bool:
    """Whether something stands before an @ where a host would, however the slashes are written."""
    scheme, colon, rest = address.partition(":")
    if colon and scheme.lower() in FILE_SCHEMES and not rest.startswith("//"):
        return False
    on_disk = colon and scheme.lower() in FILE_SCHEMES and rest.startswith("///")
    host = re.split(r"[/\\]", (rest if colon else address).lstrip("/\\"))[0]
    return "@" in host and not on_disk and bool(colon)


def _mlflow_address(uri: str) -> str | None:
    """The address to hand to MLflow; None lets it read MLFLOW_TRACKING_URI."""
    if uri != FROM_ENVIRONMENT:
        refuse_secrets(uri)
        return uri
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        raise SweepError(f"track.mlflow: {FROM_ENVIRONMENT} needs MLFLOW_TRACKING_URI to be set")
    return None
