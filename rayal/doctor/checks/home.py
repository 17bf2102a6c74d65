"""HOME and the user's name: pods run as users that no table names, with a home that is not there.

Caches (weights, data, Matplotlib's) then go to temporary folders, and what asks for the user's name
is answered.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import HERE, Request
from rayal.storage import reachable
from rayal.storage.machine_cache import cache_folder

CACHES = (("MPLCONFIGDIR", "matplotlib"), ("XDG_CACHE_HOME", "cache"))
NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # as Python's getpass reads them


@dataclass(frozen=True)
class Home:
    """The home of this user, and what programs ask of it.

    home: as programs find it; is_writable: something can be made in it; has_name: the user has one;
    cache: where rayal keeps what can be fetched again.
    """

    home: str
    is_writable: bool
    has_name: bool
    cache: Path
    cache_is_writable: bool
    caches_elsewhere: bool = False  # variables send programs' caches to other folders


def _measure(request: Request) -> Home:
    home, cache = os.path.expanduser("~"), cache_folder()  # noqa: PTH111 - "~" may stay
    named = any(os.environ.get(name) for name in NAMES) or _is_listed(os.geteuid())
    elsewhere = all(os.environ.get(variable) for variable, _ in CACHES)
    return Home(home, _can_hold(Path(home)), named, cache, _can_hold(cache), elsewhere)


def _is_listed(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _can_hold(folder: Path) -> bool:
    """Whether a folder is there, or can be made, and takes files."""
    existing = folder.absolute()
    while not reachable.exists(existing) and existing != existing.parent:
        existing = existing.parent
    return reachable.is_dir(existing) and os.access(existing, os.W_OK | os.X_OK)


def replace_missing() -> None:
    """Give this process and those that it starts caches and a user's name, where there are none."""
    home = _measure(Request())
    if not home.has_name:
        os.environ["LOGNAME"] = os.environ["USER"] = str(os.geteuid())
    if home.is_writable and home.cache_is_writable:
        return
    spare = _spare_folder()
    if not home.is_writable:
        for variable, folder in CACHES:
            os.environ.setdefault(variable, str(spare / folder))
    if not home.cache_is_writable and not os.environ.get("RAYAL_CACHE"):
        os.environ["RAYAL_CACHE"] = str(spare / "rayal")


def _spare_folder() -> Path:
    """A folder for caches that this user alone can enter, the same each time where that can be."""
    usual = Path(tempfile.gettempdir()) / f"rayal-cache-{os.geteuid()}"
    with contextlib.suppress(OSError):
        usual.mkdir(mode=0o700, exist_ok=True)
        status = usual.lstat()
        private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if private and status.st_uid == os.geteuid():
            return usual
    return Path(tempfile.mkdtemp(prefix="rayal-cache-"))


@check("home", _measure, modes=HERE, mend=replace_missing)
def _judge(facts: Home, request: Request) -> Finding:
    threshold = "a folder that takes files, a user with a name"
    measured = facts.home if facts.is_writable else f"{facts.home} cannot be written to"
    if not facts.has_name:
        measured += f", the user {os.geteuid()} has no name"
    usable = facts.is_writable or facts.caches_elsewhere
    if usable and facts.has_name and facts.cache_is_writable:
        return Finding("ok", measured, threshold)
    if usable and facts.has_name:
        measured += f", {facts.cache} cannot be written to"
    mend = "caches go to temporary folders (to keep them: export HOME=/a/folder)"
    return Finding("mended", measured, threshold, mend)
