"""What the commands of a labeling project share: its folder as argument, and refusals."""

from __future__ import annotations

import argparse
from pathlib import Path

from rayal.cli.terminal import REFUSED, print_error
from rayal.storage.files import explain


def add_project(command: argparse.ArgumentParser) -> None:
    """Add the argument DIR, `project`."""
    command.add_argument(
        "project", metavar="DIR", type=Path, help="the folder that `rayal select` made"
    )


def refuse(error: Exception, place: object) -> int:
    """Print why nothing was done at a place, and return the exit status."""
    if isinstance(error, OSError):
        print_error(f"{error.filename or place}: {explain(error)}")
    else:
        print_error(error)
    return REFUSED
