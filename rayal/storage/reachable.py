"""What of a path can be reached: below a folder that this user may not enter, nothing is there.

`Path.exists`, `is_dir` and `is_file` raise PermissionError for such a path (before Python 3.14),
as when `su` without `-` leaves another user's HOME or TMPDIR.
"""

from __future__ import annotations

import os
from pathlib import Path


def exists(path: Path) -> bool:
    """Whether something is there that this user can reach."""
    return os.path.exists(path)  # noqa: PTH110


def is_dir(path: Path) -> bool:
    """Whether a folder is there that this user can reach."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Whether a file is there that this user can reach."""
    return os.path.isfile(path)  # noqa: PTH113
