"""`rayal status RUN`: how far a run is, read from its directory alone.

No Ray, no cluster: it may be asked from any machine that sees the directory, while the sweep runs
or after it died. It writes nothing and takes no lock.

Exit status: 0 the run was read, 2 it is none.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from rayal.cli.printing import counted, listed_ids
from rayal.cli.terminal import DONE, REFUSED, cell, output, print_error, print_line, print_table
from rayal.storage.files import StoreError
from rayal.storage.formats import Json, PlanFile
from rayal.storage.location import Location, parse_location
from rayal.storage.run import RunStore
from rayal.sweep.contents import changed_paths, hashes_in
from rayal.sweep.names import Names, query_label

LATEST = 100  # records from which the rate is taken
LAST_PORT = 65_535
WATCHED_EVERY, LONGEST_WATCH = 10.0, 86_400  # seconds
PROG = "python -m rayal.status"


@dataclass(frozen=True)
class Counts:
    """Trials by what became of them. `running`: has finished rounds, and no record yet."""

    done: int = 0
    running: int = 0
    failed: int = 0
    waiting: int = 0

    @property
    def total(self) -> int:
        return self.done + self.running + self.failed + self.waiting


@dataclass(frozen=True)
class Stage:
    """An encoder on a dataset: "ready", "training" or "not begun", and its trials."""

    dataset: str
    encoder: str
    state: str
    trials: Counts


@dataclass(frozen=True)
class Status:
    """How far a run is.

    rate: trials per second over the latest records since the sweep was last started, 0 where that
    cannot be told. seconds_left: of the trials neither done nor failed, None where there is no
    rate. idle_seconds: since the last record, None before the first.
    superseded: ids of finished trials that were made by other files or plugins than those that the
    sweep was last started with, and are left out. changed_files: files and plugins that are others
    on this machine since then; outdated: ids of the finished trials that they had made.
    """

    name: str
    trials: Counts
    stages: tuple[Stage, ...]
    strategies: Mapping[str, Counts]
    rate: float
    seconds_left: float | None
    idle_seconds: float | None
    superseded: tuple[str, ...] = ()
    changed_files: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()


def read(root: Location, now: float | None = None) -> Status:
    """Read how far the run in a directory is; now: seconds since the epoch.

    Raises:
        StoreError: it is no run, or its plan cannot be read.
    """
    store = RunStore(root)
    if not store.has_plan():
        raise StoreError(
            f"{root} is not a run: it has no plan.json; give the folder that a sweep named "
            "with 'results in'"
        )
    plan, finished = store.plan(), store.finished_at()
    states = _states(store, plan["trials"], finished)
    counts = Counts(**Counter(states.values()))
    names = Names(plan["trials"].values())
    ended = _ended_since_start(store, states, finished)
    rate = _rate(ended)
    unended = counts.running + counts.waiting
    changed = changed_paths(plan.get("contents", {}))
    return Status(
        name=plan["name"],
        trials=counts,
        stages=tuple(_stages(store, plan, states, names)),
        strategies=_by_strategy(plan["trials"], states, names),
        rate=rate,
        seconds_left=0.0 if not unended else unended / rate if rate else None,
        idle_seconds=max(0.0, (now or time.time()) - ended[-1]) if ended else None,
        superseded=tuple(sorted(plan.get("superseded", {}).keys() & finished.keys())),
        changed_files=tuple(sorted({path for paths in changed.values() for path in paths})),
        outdated=tuple(
            trial
            for trial, definition in plan["trials"].items()
            if trial in finished and not changed.keys().isdisjoint(hashes_in(definition))
        ),
    )


def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        if options.serve is not None:
            return _serve(options.run, options.serve)
        for status in _statuses(options.run, options.watch):
            if options.json:
                print(json.dumps(asdict(status), indent=None if options.watch else 1), flush=True)
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
    print_line(output(), f"open {server.address} (Ctrl-C stops)")
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
    stages = Table("dataset", "encoder", "stage", *COLUMNS)
    for stage in status.stages:
        stages.add_row(cell(stage.dataset), cell(stage.encoder), stage.state, *_cells(stage.trials))
    strategies = Table("strategy", *COLUMNS)
    for name, counts in status.strategies.items():
        strategies.add_row(cell(name), *_cells(counts))
    print_table(console, stages)
    print_table(console, strategies)


# What became of each trial ---------------------------------------------------------


def _states(
    store: RunStore, trials: Mapping[str, Json], done: Mapping[str, float]
) -> dict[str, str]:
    """A record means done, whatever else lies there; a failure outweighs rounds that are kept."""
    failed, running = store.failed(), store.in_progress()

    def state(trial: str) -> str:
        if trial in done:
            return "done"
        if trial in failed:
            return "failed"
        return "running" if trial in running else "waiting"

    return {trial: state(trial) for trial in trials}


def _stages(
    store: RunStore, plan: PlanFile, states: Mapping[str, str], names: Names
) -> list[Stage]:
    counts: dict[str, Counter[str]] = {}
    encoders: dict[str, str] = {}
    for trial, definition in plan["trials"].items():
        key = definition["artefact"]
        for needed in definition.get("artefacts", [key]):
            counts.setdefault(needed, Counter())[states[trial]] += 1
        if "encoder" in definition:
            encoders[key] = names.of(definition)["encoder"].label

    def state(key: str) -> str:
        if store.artifacts.is_complete(key):
            return "ready"
        return "training" if store.artifacts.has_checkpoint(key) else "not begun"

    return [
        Stage(
            about["dataset"],
            encoders.get(key, str(about["encoder"]["name"])),
            state(key),
            Counts(**counts[key]),
        )
        for key, about in plan["artefacts"].items()
    ]


def _by_strategy(
    trials: Mapping[str, Json], states: Mapping[str, str], names: Names
) -> dict[str, Counts]:
    counted: dict[str, Counter[str]] = {}
    for trial, definition in trials.items():
        label = query_label(names.of(definition), definition["schedule"])
        counted.setdefault(label, Counter())[states[trial]] += 1
    return {name: Counts(**states) for name, states in counted.items()}


# How fast --------------------------------------------------------------------------


def _ended_since_start(
    store: RunStore, states: Mapping[str, str], finished: Mapping[str, float]
) -> list[float]:
    """When the trials of the latest start ended, in order: the plan is written at each start."""
    started = store.started_at()
    times = (finished[trial] for trial, state in states.items() if state == "done")
    return sorted(time for time in times if time >= started)


def _rate(ended: Sequence[float]) -> float:
    latest = ended[-LATEST:]
    spent = latest[-1] - latest[0] if latest else 0.0
    return (len(latest) - 1) / spent if spent > 0 else 0.0


# Words -----------------------------------------------------------------------------

COLUMNS = ("done", "running", "failed", "waiting")


def _cells(counts: Counts) -> list[str]:
    return [str(getattr(counts, name)) for name in COLUMNS]


def sentences(status: Status) -> Iterator[str]:
    """Sum a status up: one line, and what people would want to know of the files behind it."""
    yield _sentence(status)
    yield from _source_notes(status)


def _sentence(status: Status) -> str:
    counts = status.trials
    said = [f"{status.name}: {counts.done} of {counts.total} trials done"]
    said += [f"{getattr(counts, name)} {name}" for name in COLUMNS[1:]]
    if status.rate and counts.running + counts.waiting:
        said.append(f"{status.rate:.2g}/s")
        said.append(f"about {_duration(status.seconds_left or 0)} left")
    if status.idle_seconds is not None:
        said.append(f"last record {_duration(status.idle_seconds)} ago")
    return ", ".join(said)


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


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog=prog, description="Say how far a run is, from its directory alone."
    )
    made.add_argument(
        "run", type=parse_location, metavar="RUN", help="the run's directory or address"
    )
    made.add_argument("--json", action="store_true", help="print JSON, for other programs")
    made.add_argument(
        "--watch", type=_seconds, nargs="?", const=WATCHED_EVERY, metavar="SECONDS",
        help=f"say it again every so many seconds (default {WATCHED_EVERY:g}) until the last trial "
        "has ended; Ctrl-C stops",
    )  # fmt: skip
    made.add_argument(
        "--serve", type=_port, nargs="?", const=0, metavar="PORT",
        help="serve it as a page that renews itself, to this machine alone; the printed address "
        "holds the token that opens it",
    )  # fmt: skip
    return made


def _port(given: str) -> int:
    if not given.isdecimal() or int(given) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{given!r} is no port from 0 to {LAST_PORT:,}")
    return int(given)


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= LONGEST_WATCH:
        raise argparse.ArgumentTypeError(
            f"{given!r} is no number of seconds from 1 to {LONGEST_WATCH:,}"
        )
    return seconds
