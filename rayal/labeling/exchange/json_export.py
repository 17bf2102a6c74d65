"""JSON files that tools export: read, or refused in one line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
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


def once_each(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that has a name twice, of which Python's json takes the last.

    Raises:
        ValueError: it has.
    """
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has {twice!r} {names.count(twice)} times: leave one of them")
    return row


def read_json(path: Path) -> Any:
    """Return what a file holds.

    Raises:
        LabelingError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(plain_files.read(path, LARGEST), object_pairs_hook=once_each)
    except (OSError, ValueError, RecursionError) as error:
        raise LabelingError(f"{path} is damaged ({error}); export it again") from error
