"""A sweep's plugins: Python files that register components of a user's own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from rayal.plugins import load_plugins, plugin_module
from rayal.process_state import places_kept
from rayal.sweep.errors import Mistakes, place_of, text_of
from rayal.sweep.source_code import note_sources

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
                load_noted([file])
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a stranger's code raises
            mistakes.add(_why(file, error))


def load_noted(files: Iterable[Path]) -> None:
    """Import plugins, each once, and note the text that they have then.

    Raises:
        ValueError: a file is not there, or is not Python; besides, whatever a plugin raises.
    """
    for file in files:
        if plugin_module(file) not in sys.modules and file.is_file():
            note_sources(file)
        load_plugins([file])


def _why(file: Path, error: BaseException) -> str:
    place = place_of(error, str(file))
    if isinstance(error, SystemExit):
        return f"plugin {place}: it calls sys.exit when it is imported; let it register and return"
    if isinstance(error, ValueError | OSError) and not _raised_inside(file, error):
        return text_of(error)
    return f"plugin {place}: {type(error).__name__}: {text_of(error)}"


def _raised_inside(file: Path, error: BaseException) -> bool:
    return "line" in place_of(error, str(file))
