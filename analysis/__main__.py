"""`python -m analysis RUN [RUN ...]`: write the report, tables and figures of runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rayal.storage.files import StoreError
from rayal.storage.location import parse_location

REFUSED, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m analysis") -> int:
    """Write the report of the runs named on the command line; return the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        _write(options)
    except KeyboardInterrupt:
        print(f"{prog}: interrupted; the same command makes the report", file=sys.stderr)
        return INTERRUPTED
    except StoreError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return REFUSED
    except OSError as error:
        runs = ", ".join(map(str, options.runs))
        print(f"{prog}: the report of {runs} cannot be written: {error}", file=sys.stderr)
        return REFUSED
    return 0


def _write(options: argparse.Namespace) -> None:
    """Write what was asked for, and say where it is."""
    from analysis import processes

    processes.start()  # while this one imports
    from analysis.report import write_all, write_bundle  # after --help, which needs no matplotlib

    if options.bundle:
        files = write_bundle(options.bundle, *options.runs, only=options.only)
        print(f"bundle   {options.bundle} ({files} files; unpack it where a web server reads)")
        return
    written = write_all(*options.runs, out=options.out, only=options.only)
    root = written.page.parent.parent
    print(f"report   {written.page}")
    print(f"tables   {root / 'tables'}/*.csv, *.md, *.tex ({len(written.tables)} tables)")
    print(f"figures  {root / 'figures'}/*.svg, *.png, *.pdf ({len(written.figures)} files)")


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Write report/index.html, tables/*.csv|md|tex and figures/*.svg|png|pdf of a "
        "run, or of several runs compared.",
    )
    command.add_argument(
        "runs",
        metavar="RUN",
        type=parse_location,
        nargs="+",
        help="a run's directory, as runs/quickstart, or its address, as s3://BUCKET/PREFIX",
    )
    command.add_argument(
        "--out", type=parse_location, metavar="DIR",
        help="write here (default: into the run; several: a folder beside the first)",
    )  # fmt: skip
    command.add_argument(
        "--only", action="append", default=[], metavar="SECTION",
        help="the page with this section alone, and its figures; again for more (paper, verdict, "
        "auc: what stands after # in the page's menu)",
    )  # fmt: skip
    command.add_argument(
        "--bundle", type=Path, metavar="FILE.zip",
        help="write all as one ZIP for any web server, in place of the folders",
    )  # fmt: skip
    return command


if __name__ == "__main__":
    sys.exit(main())
