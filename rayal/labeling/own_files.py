"""Reading what a project wrote: a file that is damaged is refused by name, with the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rayal.labeling.errors import LabelingError
from rayal.storage import plain_files


def read_object(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        FileNotFoundError: there is none.
        OSError: it may not be read.
        LabelingError: it is damaged, or no plain file.
    """
    try:
        content = json.loads(plain_files.read(path))
    except plain_files.NotPlainError as error:
        raise damaged(path, error.strerror) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(content, dict):
        raise damaged(path, "it is no object with named values")
    return content


def damaged(path: Path, what: object) -> LabelingError:
    """Return the refusal of a file."""
    return LabelingError(f"{path} is damaged ({what}); restore it from a copy")
