"""`rayal status RUN`: how far a run is, read from its directory alone.

No Ray, no cluster: it may be asked from any machine that sees the directory, while the sweep runs
or after it died. It writes nothing and takes no lock.

Exit status: 0 the run was read, 2 it is none.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from rayal.cli.printing import duration, listed_ids
from rayal.cli.run_status import Counts, Status, read
from rayal.cli.terminal import (
    DONE,
    REFUSED,
    cell,
    output,
    print_error,
    print_for_programs,
    print_line,
    print_page_address,
    print_table,
)
from rayal.hints import counted
from rayal.storage.files import StoreError
from rayal.storage.location import Location, parse_location
from rayal.storage.stopped import in_words

LAST_PORT = 65_535
WATCHED_EVERY, LONGEST_WATCH = 10.0, 86_400  # seconds
PROG = "python -m rayal.status"


def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    command = parser(prog)
    options = command.parse_args(arguments)
    if options.json and options.serve is not None:
        command.error("--serve prints no JSON: its page has it at /status.json")
    try:
        if options.serve is not None:
            return _serve(options.run, options.serve)
        for status in _statuses(options.run, options.watch):
            if options.json:
                print_for_programs(json.dumps(asdict(status), indent=None if options.watch else 1))
            else:
                show(output(), status)
    except StoreError as error:
        print_error(error)
        return REFUSED
    except KeyboardInterrupt:  # how watching and serving are stopped
        print()
    return DONE


def _serve(run: Location, port: int) -> int:
    """Serve the run's page until Ctrl-C."""
    from rayal.cli.live_page import StatusServer

    try:
        server = StatusServer(run, port)
    except OSError as error:
        print_error(f"port {port} cannot be had: {error.strerror or error}; 0 takes any")
        return REFUSED
    print_page_address(output(), "open ", server.address, " (Ctrl-C stops)")
    with server:
        server.serve_forever()
    return DONE


def _statuses(run: Location, every: float | None) -> Iterator[Status]:
    """Yield how far a run is, once, or again and again until no trial runs or waits."""
    while True:
        status = read(run)
        yield status
        if every is None or not (status.trials.running or status.trials.waiting):
            return
        time.sleep(every)


def show(console: Console, status: Status) -> None:
    """Print one line of sums, then a table of encoder stages and one of strategies."""
    for line in sentences(status):
        print_line(console, line)
    columns = columns_of(status)
    stages = Table("dataset", "encoder", "stage", *columns)
    for stage in status.stages:
        stages.add_row(
            cell(stage.dataset), cell(stage.encoder), stage.state, *_cells(stage.trials, columns)
        )
    strategies = Table("strategy", *columns)
    for name, counts in status.strategies.items():
        strategies.add_row(cell(name), *_cells(counts, columns))
    print_table(console, stages)
    print_table(console, strategies)


# Words -----------------------------------------------------------------------------

COLUMNS = ("done", "running", "failed", "waiting")


def columns_of(status: Status) -> tuple[str, ...]:
    """Return the states that are shown: `spared` where there are such trials."""
    return (*COLUMNS, "spared") if status.trials.spared else COLUMNS


def _cells(counts: Counts, columns: Sequence[str]) -> list[str]:
    return [str(getattr(counts, name)) for name in columns]


def sentences(status: Status) -> Iterator[str]:
    """Sum a status up: one line, and what people would want to know of the files behind it."""
    yield _sentence(status)
    if _is_stopped(status) and status.trials.waiting and status.command:
        yield f"go on with: {status.command}"
    yield from map(in_words, status.stopped)
    yield from _source_notes(status)


def _sentence(status: Status) -> str:
    counts = status.trials
    clauses = [f"{status.name}: {counts.done} of {counts.total} trials done"]
    clauses += [f"{getattr(counts, name)} {name}" for name in columns_of(status)[1:]]
    if status.rate and counts.running + counts.waiting:
        clauses.append(f"{status.rate:.2g}/s")
        left = f"about {duration(status.seconds_left or 0)} left"
        clauses.append(f"{left}{_without_encoders(status)}")
    if _is_stopped(status):
        clauses.append(f"the sweep has stopped: {status.ended}")
    if status.idle_seconds is not None:
        clauses.append(f"last record {duration(status.idle_seconds)} ago")
    return ", ".join(clauses)


def _is_stopped(status: Status) -> bool:
    return status.ended not in ("", "finished")


def _without_encoders(status: Status) -> str:
    """Say that the time left is that of trials, where they wait for encoders too."""
    stages = (stage for stage in status.stages if stage.trials.waiting + stage.trials.running)
    number = sum(stage.state != "ready" for stage in stages)
    return (
        f" for trials, without {counted(number, 'encoder stage')} that they need" if number else ""
    )


def _source_notes(status: Status) -> Iterator[str]:
    """Name the trials that were made by other files or plugins than the present ones."""
    if status.superseded:
        yield (
            "made by other files or plugins, and left out of the results: "
            f"{counted(len(status.superseded), 'trial')} ({listed_ids(status.superseded)})"
        )
    if status.outdated:
        yield (
            f"changed since the sweep was started: {', '.join(status.changed_files)}; made by what "
            f"they were before: {counted(len(status.outdated), 'finished trial')} "
            f"({listed_ids(status.outdated)}), which the sweep's command runs again"
        )


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog, description="Say how far a run is, from its directory alone."
    )
    command.add_argument(
        "run", type=parse_location, metavar="RUN", help="the run's directory or address"
    )
    command.add_argument(
        "--json", action="store_true",
        help="print JSON, for other programs; the page of --serve has it at /status.json",
    )  # fmt: skip
    form = command.add_mutually_exclusive_group()
    form.add_argument(
        "--watch", type=_seconds, nargs="?", const=WATCHED_EVERY, metavar="SECONDS",
        help=f"say it again every so many seconds (default {WATCHED_EVERY:g}) until the last trial "
        "has ended; Ctrl-C stops",
    )  # fmt: skip
    form.add_argument(
        "--serve", type=_port, nargs="?", const=0, metavar="PORT",
        help="serve it as a page that renews itself, to this machine alone; the printed address "
        "holds the token that opens it",
    )  # fmt: skip
    return command


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to {LAST_PORT:,}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= LONGEST_WATCH:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds from 1 to {LONGEST_WATCH:,}"
        )
    return seconds
