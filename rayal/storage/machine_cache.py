"""Where this machine keeps what can be made or fetched again: RAYAL_CACHE, or ~/.cache/rayal."""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT = "~/.cache/rayal"


def cache_folder(folder: str = "") -> Path:
    """Return the folder given, else that of RAYAL_CACHE, else the usual one; it may be absent."""
    return Path(folder or os.environ.get("RAYAL_CACHE", "") or DEFAULT).expanduser()
