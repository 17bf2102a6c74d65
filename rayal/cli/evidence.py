"""`rayal evidence RUN [RUN ...]`: the page that says which strategy to use, from runs' records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rayal.cli.bundled_analysis import bundled_analysis
from rayal.cli.interruption import stops_with_a_message
from rayal.cli.terminal import DONE, REFUSED
from rayal.storage.files import StoreError
from rayal.storage.location import parse_location

PROG = "rayal evidence"
_EXAMPLES = """examples, of images of your own (docs/commands.md says more):
  rayal sweep evidence_scans --out runs/mine --set datasets.npz.path=mine.npz \\
      --set encoders.moco.queue=1024
  rayal evidence runs/mine --out evidence-of-mine
  rayal evidence runs/mine --out evidence-of-mine --add-to docs/evidence.csv"""


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Write evidence.md and evidence.csv: every strategy's gain over random in the "
        "runs of sweeps/evidence_*.yaml, who leads, and which to use when.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "runs", metavar="RUN", type=parse_location, nargs="+", help="a run's directory"
    )
    command.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("docs"), help="folder of the two files "
        "(default: docs)",
    )  # fmt: skip
    command.add_argument(
        "--add-to", metavar="FILE", type=Path, help="an earlier evidence.csv: its rows stay where "
        "the runs have no such row, so that a run of other data adds to what is known",
    )  # fmt: skip
    return command


@stops_with_a_message
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    options = parser(prog).parse_args(arguments)
    from rayal.strategies.auto import EVIDENCE

    try:
        with bundled_analysis():
            from analysis.evidence.earlier import read_cells
            from analysis.evidence.page import write_evidence
            from analysis.study.study import read_study

            earlier = read_cells(options.add_to) if options.add_to else None
            study = read_study(*options.runs, out=options.out / "evidence")
            page, table = write_evidence(
                study, options.out, EVIDENCE, earlier, _competitors(), _page_beside(options.add_to)
            )
    except (StoreError, OSError, ValueError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return REFUSED
    print(f"page   {page}\ncells  {table}")
    return DONE


def _page_beside(table: Path | None) -> str:
    """Return the text of the page that was written with an earlier table; "" without one."""
    page = table.with_suffix(".md") if table else None
    return page.read_text("utf-8", errors="replace") if page and page.is_file() else ""


def _competitors() -> list[str]:
    """Return the names of the strategies that are no oracles."""
    from rayal.registry import STRATEGIES

    strategies = {name: STRATEGIES.find(name) for name in STRATEGIES.names()}
    return [name for name, one in strategies.items() if not one.traits.oracle(one.bind({}))]
