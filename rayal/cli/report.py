"""`rayal report RUN [RUN ...]`: tables, figures, report; `python -m analysis` is the same."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rayal.cli.bundled_analysis import bundled_analysis

PROG = "python -m analysis"


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    with bundled_analysis():
        from analysis import __main__ as command

        return command.parser(prog)


def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    with bundled_analysis():
        from analysis import __main__ as command

        return command.main(arguments, prog=prog)
