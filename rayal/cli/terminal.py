"""What all commands share: exit statuses, consoles, plain lines, and common options."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from rayal.storage.location import parse_location

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130  # exit statuses
WIDTH = 100  # columns where the output is no terminal


def output() -> Console:
    """Return the console for what was asked for."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def print_line(console: Console, text: str) -> None:
    """Print plain text: brackets in it are no markup, long lines are left to the terminal."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_error(error: Exception | str) -> None:
    """Print one message on the error stream."""
    print_line(Console(stderr=True), f"rayal: {error}")


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add `--out`: where the results of a sweep go."""
    parser.add_argument(
        "--out",
        type=parse_location,
        metavar="DIR",
        help="where results go: a directory, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX "
        "(default: runs/NAME)",
    )


def add_set(parser: argparse.ArgumentParser, examples: str) -> None:
    """Add `--set KEY=VALUE`, which may be given many times."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help=f"change the sweep: {examples}",
    )  # fmt: skip
