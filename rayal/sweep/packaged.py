"""The sweep files that come with rayal, by name: `rayal sweep quickstart`."""

from __future__ import annotations

import os
from pathlib import Path

from rayal.hints import nearest
from rayal.sweep.errors import SweepError

_PACKAGE = Path(__file__).resolve().parent.parent
FOLDERS = (_PACKAGE / "sweeps", _PACKAGE.parent / "sweeps")  # in a wheel, in a checkout


def names() -> list[str]:
    """Return the names of all packaged sweep files, without their ending."""
    return sorted(path.stem for folder in FOLDERS for path in folder.glob("*.yaml"))


def find(what: str) -> Path:
    """Return the sweep file that a user means: a path, or the name of a packaged one.

    Raises:
        SweepError: it looks like a name, and there is no packaged sweep of that name.
    """
    path = Path(what)
    if path.suffix or len(path.parts) != 1 or os.path.lexists(path):
        return path
    for folder in FOLDERS:
        if (packaged := folder / f"{what}.yaml").is_file():
            return packaged
    known = names()
    raise SweepError(
        f"there is no file '{what}' and no packaged sweep of that name{nearest(what, known)}; "
        f"packaged: {', '.join(known)}"
    )
