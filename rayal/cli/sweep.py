"""`rayal sweep SWEEP`: run every trial of a sweep file that is not done yet, and make its report.

Exit status: 0 all trials done, 1 some failed, 2 refused before anything started, 130 interrupted
(the same command goes on where it stopped).
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from rayal.cli.interruption import stops_with_a_message
from rayal.cli.terminal import add_cluster, add_out, add_set, warnings_as_lines
from rayal.run.process_exit import ends_in_time, exits_are_errors

PROG = "python -m rayal.sweep"


@ends_in_time
@stops_with_a_message
@exits_are_errors()
@warnings_as_lines()
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = parser(prog).parse_args(words)
    from rayal.cli.sweep_run import run  # after --help, which waits for no library

    return run(options, shlex.join([*prog.split(), *words]))


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Run every trial of a sweep file that is not done yet, and make its report.",
        epilog=f"examples:\n  {prog} quickstart --dry-run\n  {prog} mine.yaml --set seeds.random=20"
        f"\n  {prog} mine.yaml --address auto --out s3://bucket/mine",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "sweep",
        metavar="SWEEP",
        help="a sweep file, or the name of one that comes with rayal, as quickstart",
    )
    add_out(command)
    add_set(command, "--set seeds.random=10, --set datasets.npz.path=blood.npz")
    command.add_argument(
        "--redo",
        metavar="SELECTOR",
        action="append",
        default=[],
        help="run finished trials again, in place of their records: strategy=random, "
        "encoder=moco,seed=3, the beginning of an id, unverified, all",
    )
    add_cluster(
        command, "run in this process, without Ray", "join the Ray cluster there ('auto' finds one)"
    )
    command.add_argument("--no-report", action="store_true", help="leave the report for later")
    command.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    return command
