"""The working directory is the command's: relative paths mean the same after a component."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def working_directory_kept() -> Iterator[None]:
    """Go back, after the body, to the working directory before it."""
    before = _current()
    try:
        yield
    finally:
        if before and _current() != before:
            os.chdir(before)


def _current() -> str:
    """Return the working directory, "" where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - as text, which is compared at every call
    except FileNotFoundError:
        return ""
