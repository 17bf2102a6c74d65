"""A sweep's plugins: Python files that register components of a user's own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rayal.plugins import load_plugins
from rayal.process_state import places_kept
from rayal.sweep.errors import Mistakes, place_of, text_of

LARGEST = 10_000_000  # bytes


def import_plugins(files: Iterable[Path], mistakes: Mistakes) -> None:
    """Import plugins; note those that cannot be, with the line where that fails.

    A plugin's import may raise anything, and even call sys.exit; an interrupt remains one.
    """
    for file in files:
        try:
            if file.is_file() and file.stat().st_size > LARGEST:
                raise ValueError(f"plugin {file} is larger than {LARGEST:,} bytes")
            with places_kept():
                load_plugins([file])
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a stranger's code raises
            mistakes.add(_why(file, error))


def _why(file: Path, error: BaseException) -> str:
    place = place_of(error, str(file))
    if isinstance(error, SystemExit):
        return f"plugin {place}: it calls sys.exit when it is imported; let it register and return"
    if isinstance(error, ValueError | OSError) and not _raised_inside(file, error):
        return text_of(error)
    return f"plugin {place}: {type(error).__name__}: {text_of(error)}"


def _raised_inside(file: Path, error: BaseException) -> bool:
    return "line" in place_of(error, str(file))
