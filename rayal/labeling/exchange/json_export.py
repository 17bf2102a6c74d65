"""JSON files that tools export: read, or refused in one line."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from rayal.labeling.errors import LabelingError
from rayal.storage import plain_files

LARGEST = 1 << 30  # bytes of an export
_HEAD = 64  # bytes in which the first bracket stands


def begins_with(path: Path, bracket: bytes) -> bool:
    """Whether the first character of a file, after a byte-order mark and blanks, is a bracket."""
    with path.open("rb") as file:
        return file.read(_HEAD).removeprefix(codecs.BOM_UTF8).lstrip().startswith(bracket)


def read_json(path: Path) -> Any:
    """Return what a file holds.

    Raises:
        LabelingError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(plain_files.read(path, LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise LabelingError(f"{path} is damaged ({error}); export it again") from error
