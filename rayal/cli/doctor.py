"""`rayal doctor`: what of this machine, or of a cluster, would stop or slow a sweep.

Exit status: 0 nothing is certain to fail, 1 something is, 2 the sweep file or cluster is refused.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from rayal.cli.terminal import (
    DONE,
    FAILED,
    REFUSED,
    add_cluster,
    add_out,
    add_set,
    output,
    print_error,
    print_for_programs,
    print_line,
)
from rayal.doctor.check import examine
from rayal.doctor.finding import STATES, Finding
from rayal.doctor.request import Mode, Request

PROG = "rayal doctor"


def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        request = _request(options)
        findings = examine(request)
        if options.address and not any(f.state == "fails" for f in findings):
            findings += _of_nodes(options.address, request)
    except ValueError as error:  # of the sweep file
        print_error(error)
        return REFUSED
    except _ClusterRefusedError as error:
        print_error(error)
        return REFUSED
    if options.json:
        print_for_programs(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        show(output(), findings)
    return FAILED if any(finding.state == "fails" for finding in findings) else DONE


class _ClusterRefusedError(Exception):
    """No cluster there, or no token for it."""


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Say what of this machine would stop or slow a sweep, and what mends it.",
        epilog=f"examples:\n  {prog}\n  {prog} mine.yaml --out /data/runs/mine\n"
        f"  {prog} --address auto",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "sweep",
        metavar="SWEEP",
        nargs="?",
        help="a sweep file, or the name of one that comes with rayal: its resources are held "
        "against the machine",
    )
    add_out(command)
    add_set(command, "--set resources.trial.gpus=1")
    add_cluster(command, "for a run without Ray", "look at the nodes of the Ray cluster there, too")
    command.add_argument("--json", action="store_true", help="print JSON, for other programs")
    return command


def _request(options: argparse.Namespace) -> Request:
    """What is asked for: the resources of a sweep file, where one is named."""
    mode: Mode = "join" if options.address else "local" if options.local else "start"
    out = options.out if isinstance(options.out, Path) else None
    if options.sweep is None:
        return Request(mode=mode, out=out or (None if options.out else Path("runs")))
    from rayal.run.preflight import request_for
    from rayal.sweep import packaged
    from rayal.sweep.file import load_sweep

    sweep = load_sweep(packaged.find(options.sweep), options.set)
    where = out or (None if options.out else Path("runs") / sweep.name)
    return request_for(sweep.resources, mode, where)


def _of_nodes(address: str, request: Request) -> list[Finding]:
    from rayal.run.ray.errors import ClusterError
    from rayal.run.ray.node_checks import findings_at

    try:
        return findings_at(address, request)
    except ClusterError as error:
        raise _ClusterRefusedError(str(error)) from error


def show(console: Console, findings: Sequence[Finding]) -> None:
    """Print a line for each check, and how many there are of each state."""
    width = max((len(_place(finding)) for finding in findings), default=0)
    for finding in findings:
        print_line(console, line(finding, width))
    counts = {state: sum(f.state == state for f in findings) for state in STATES}
    print_line(console, ", ".join(f"{number} {state}" for state, number in counts.items()))


def line(finding: Finding, width: int) -> str:
    """Write a finding as one line: state, check, measured value, threshold, what mends it.

    width: of the column of checks, in characters.
    """
    return f"{finding.state:8} {_place(finding):{width}}  {finding}"


def _place(finding: Finding) -> str:
    return f"{finding.node} {finding.check}".strip()
