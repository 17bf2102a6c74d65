"""`python -m analysis RUN`: write a run's report, tables and figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rayal.store import StoreError

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report of the run named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description="Write report/index.html, tables/*.csv and figures/*.svg|png of a run.",
    )
    parser.add_argument("run", type=Path, help="a run's directory, such as runs/quickstart")
    root: Path = parser.parse_args(arguments).run
    from analysis.report import write_all  # after --help, which needs no matplotlib

    try:
        written = write_all(root)
    except StoreError as error:
        print(f"analysis: {error}", file=sys.stderr)
        return REFUSED
    except OSError as error:
        print(f"analysis: the report of {root} cannot be written: {error}", file=sys.stderr)
        return REFUSED
    print(f"report   {written.page}")
    print(f"tables   {root / 'tables'}/*.csv ({len(written.tables)} files)")
    print(f"figures  {root / 'figures'}/*.svg, *.png ({len(written.figures)} files)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
