"""What all commands share: exit statuses, consoles, plain lines, and common options."""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from rayal.cli.lasting_output import LastingOutput
from rayal.credentials import names_credentials
from rayal.events.terminal_text import terminal_text
from rayal.storage.location import parse_location

if TYPE_CHECKING:  # --help waits for no library
    from rich.console import Console
    from rich.table import Table

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130  # exit statuses
PACKAGE = Path(__file__).parent.parent
WIDTH = 100  # columns where the output is no terminal


def output(*, of_run: bool = False) -> Console:
    """Return the console for what was asked for; signs that it cannot show come as escapes.

    of_run: whether a run is told of on it, which its end need not end.
    """
    from rich.console import Console

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    stream = cast("TextIO", LastingOutput("stdout", of_run=of_run))
    return Console(file=stream, width=None if sys.stdout.isatty() else WIDTH)


def print_line(console: Console, text: str) -> None:
    """Print plain text: brackets in it are no markup, long lines are left to the terminal."""
    console.print(terminal_text(text), markup=False, highlight=False, soft_wrap=True)


def print_page_address(console: Console, before: str, address: str, after: str = "") -> None:
    """Print the address of a page served here, with the token that opens it: it is to be opened."""
    console.print(f"{before}{address}{after}", markup=False, highlight=False, soft_wrap=True)


def cell(text: object) -> str:
    """Write a name into a table: brackets in it are no markup, and nothing steers the terminal."""
    from rich.markup import escape

    return escape(terminal_text(str(text)))


def print_table(console: Console, table: Table) -> None:
    """Print a table; in a terminal too narrow for its columns, a line for each of its cells."""
    if console.width >= _least_width(table):
        console.print(table)
        return
    if table.title:
        console.print(table.title, highlight=False, soft_wrap=True)
    for row in zip(*(column.cells for column in table.columns), strict=True):
        lead = ""
        for column, content in zip(table.columns, row, strict=True):
            if text := str(content).replace("\n", " "):
                console.print(f"{lead}{column.header}: {text}", highlight=False, soft_wrap=True)
            lead = "  "


def _least_width(table: Table) -> int:
    """The columns of a terminal in which every cell can be read."""
    least = (max(c.min_width or 0, 5 if c.justify == "right" else 8) for c in table.columns)
    return 1 + sum(3 + width for width in least)


def print_for_programs(text: str) -> None:
    """Print text as it is; where it cannot be written (`| head`), the command ends with 1."""
    stream = LastingOutput("stdout", of_run=False)
    stream.write(f"{text}\n")
    stream.flush()


def print_error(error: Exception | str) -> None:
    """Print one message on the error stream."""
    print_line(_errors(), f"rayal: {error}")


def _errors() -> Console:
    """Return the console for what goes wrong."""
    from rich.console import Console

    return Console(file=cast("TextIO", LastingOutput("stderr", of_run=True)), stderr=True)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Print what rayal warns of as plain lines, each once; other libraries' warnings as ever.

    A dataset is loaded to plan and again to run: its warnings would come twice, and each with a
    line of code that says nothing to who called a command.
    """
    as_ever, seen = warnings.showwarning, set[str]()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category is not UserWarning or not Path(filename).is_relative_to(PACKAGE):
            as_ever(message, category, filename, lineno, file, line)
        elif str(message) not in seen:
            seen.add(str(message))
            print_line(_errors(), f"warning: {message}")

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = as_ever


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add `--out`: where the results of a sweep go."""
    parser.add_argument(
        "--out",
        type=parse_location,
        metavar="DIR",
        help="where results go: a directory, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX "
        "(default: runs/NAME)",
    )


def cluster_address(text: str) -> str:
    """Return the address of a Ray cluster, which a run keeps in its plan and log.

    Raises:
        ArgumentTypeError: it names a user, a password or a token; the message does not repeat it.
    """
    if "@" in text or names_credentials(text):
        raise argparse.ArgumentTypeError(
            "an address has no user and no password; a token is read from RAY_AUTH_TOKEN_PATH"
        )
    return text


def add_cluster(parser: argparse.ArgumentParser, local: str, address: str) -> None:
    """Add `--local` and `--address`, of which one excludes the other; with what each is for."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help=local)
    where.add_argument("--address", type=cluster_address, metavar="ADDRESS", help=address)


def add_set(parser: argparse.ArgumentParser, examples: str) -> None:
    """Add `--set KEY=VALUE`, which may be given many times."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help=f"change the sweep: {examples}",
    )  # fmt: skip
