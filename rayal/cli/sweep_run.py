"""What `rayal sweep` does: plan, run, show progress, sum up."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rayal.cli.printing import (
    print_earlier,
    print_notes,
    print_reading,
    show_plan,
    warn_scorer,
)
from rayal.cli.sweep_end import load_report, report_command, sum_up, write_report
from rayal.cli.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    REFUSED,
    output,
    print_error,
    print_line,
)
from rayal.doctor.check import examine, find_check, mend_process
from rayal.doctor.finding import Finding
from rayal.doctor.request import Mode, Request
from rayal.events import trackers
from rayal.events.bar import choose_display
from rayal.events.dispatch import Dispatcher
from rayal.events.jsonl import JsonLinesLog
from rayal.events.listener import Listener
from rayal.hints import counted
from rayal.run.encoding import restore_images
from rayal.run.preflight import request_for, shared_bytes, written_bytes
from rayal.run.ray.errors import ClusterError, ClusterLostError
from rayal.run.ray.session import named_address
from rayal.run.signals import interruptible
from rayal.storage.damaged_records import set_aside_damaged_records
from rayal.storage.files import StoreError
from rayal.storage.held_run import check_space, lock_run
from rayal.storage.location import Location
from rayal.storage.run import RunStore
from rayal.storage.stopped import forget_pruning
from rayal.sweep import packaged
from rayal.sweep.definition import Trial, encoding_stages
from rayal.sweep.earlier import go_on
from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from rayal.sweep.pruning import family_of
from rayal.sweep.selector import select


class _RefusedError(Exception):
    """Nothing was started; the message is all that the user needs."""


def run(options: argparse.Namespace, command: str) -> int:
    """Run the sweep that was asked for; return the exit status.

    Args:
        options: of `rayal.cli.sweep.parser`.
        command: the line that runs it again.
    """
    console = output(of_run=True)
    mended = mend_process()
    try:
        sweep = load_sweep(packaged.find(options.sweep), options.set)
        trackers.check_trackers(sweep)
        plan = make_plan(sweep, absent_data=options.dry_run)
        family_of(plan)  # refuses pruning that has nothing to compare with
        root = options.out or Path("runs") / sweep.name
        if options.dry_run:
            show_plan(console, plan, root, options.redo)
            _print_refusals(console, plan, _mode(options))
            return DONE
        with lock_run(root, sweep.name) as held:
            return _run(console, plan, held, options, command, mended)
    except (SweepError, StoreError, _RefusedError) as error:
        print_error(error)
        return REFUSED


def _run(
    console: Console,
    plan: Plan,
    held: RunStore,
    options: argparse.Namespace,
    command: str,
    mended: Sequence[Finding],
) -> int:
    plan = _continue_earlier(console, plan, held, options.redo)
    todo = _todo(console, plan, held)
    needed = written_bytes(plan, todo, held)
    check_space(held.root, needed)
    if todo:
        _print_findings(console, mended)
        shared = shared_bytes(plan, todo)
        request = request_for(plan.sweep.resources, _mode(options), held.root, shared, needed)
        _examine(console, request)
    listeners = [JsonLinesLog(held.root), *trackers.open_trackers(plan.sweep, held.root)]
    _save_plan(console, plan, held, command)
    _print_start(console, plan, todo, held.root)
    started = time.monotonic()
    try:
        with interruptible():
            _run_trials(console, plan, todo, listeners, held, options)
    except KeyboardInterrupt:
        print_line(console, f"interrupted: {_kept(plan, held)}; go on with: {command}")
        return INTERRUPTED
    except ClusterLostError as error:
        print_error(f"{error}; {_kept(plan, held)}; go on with: {command}")
        return FAILED
    except StoreError as error:
        print_error(error)
        return FAILED
    return _conclude(console, plan, held, options, command, time.monotonic() - started)


def _conclude(
    console: Console,
    plan: Plan,
    held: RunStore,
    options: argparse.Namespace,
    command: str,
    seconds: float,
) -> int:
    """Make the report of trials that have ended, and sum up; return the exit status."""
    try:
        with interruptible():
            index = None if options.no_report else write_report(console, held.root)
            return sum_up(console, plan, held, seconds, command, index)
    except KeyboardInterrupt:
        again = report_command(command, held.root)
        print_line(console, f"interrupted: {_kept(plan, held)}; make the report with: {again}")
        return INTERRUPTED


def _continue_earlier(console: Console, plan: Plan, held: RunStore, redo: Sequence[str]) -> Plan:
    """Return the plan as it continues what the run has, without the records to be redone."""
    earlier = go_on(plan, held.plan() if held.has_plan() else None, held.finished())
    again = select(earlier.plan, redo, earlier.unverified)
    print_earlier(console, earlier)
    for trial in again:
        held.forget_trial(trial.id)
    return earlier.plan


def _save_plan(console: Console, plan: Plan, held: RunStore, command: str) -> None:
    """Write the plan, and set aside what earlier plans left that this one does not name."""
    from rayal.run import environment

    content = plan.as_json(command, {**environment.versions(), **environment.commit()})
    held.save_plan(content, plan.sweep.as_yaml())
    if plan.sweep.prune is None:
        forget_pruning(held.root)
    if former := held.set_aside_former_failures([*content["trials"], *plan.embeddings]):
        print_line(
            console,
            f"{counted(former, 'failure')} of trials that the plan does not name: set aside as "
            f"{held.root / 'failures'}/*.log.set-aside",
        )


def _todo(console: Console, plan: Plan, held: RunStore) -> list[Trial]:
    """Return the trials without a record; what is not as it was written counts as not there."""
    notes = set_aside_damaged_records(
        held,
        {t.id: t.definition() for t in plan.trials},
        lambda name: held.images.labels(name, plan.datasets[name].content),
    )
    done = held.finished()
    todo = [trial for trial in plan.trials if trial.id not in done]
    for key in encoding_stages(todo):
        notes.append(held.artifacts.set_aside_damaged(key))
    notes += restore_images(plan, held)
    for note in filter(None, notes):
        print_line(console, note)
    return todo


def _mode(options: argparse.Namespace) -> Mode:
    """Where the trials run: here, on a cluster, or on a Ray that is started."""
    if options.local:
        return "local"
    return "join" if named_address(options.address) else "start"


def _examine(console: Console, request: Request) -> None:
    """Say what of this machine stops or slows the run.

    Raises:
        _RefusedError: something is certain to fail.
    """
    findings = examine(request)
    _print_findings(console, [f for f in findings if f.state in ("mended", "warning")])
    if failing := [f"{f.check}: {f}" for f in findings if f.state == "fails"]:
        raise _RefusedError("this machine cannot run the sweep: " + "\n  ".join(failing))


def _print_refusals(console: Console, plan: Plan, mode: Mode) -> None:
    """Say in a dry run what of the resources asked for this machine lacks."""
    request = request_for(plan.sweep.resources, mode, None)
    for check in map(find_check, ("CPUs", "GPU")):
        if mode in check.modes and (finding := check.find(request)).state == "fails":
            print_line(console, f"NOTE: this machine cannot run it: {finding.check}: {finding}")


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    for finding in findings:
        print_line(console, f"{finding.state}: {finding.check}: {finding}")


def _kept(plan: Plan, held: RunStore) -> str:
    finished = len(held.finished() & {trial.id for trial in plan.trials})
    return f"{finished} of {len(plan.trials)} trials are kept"


def _print_start(console: Console, plan: Plan, todo: list[Trial], root: Location) -> None:
    total = len(plan.trials)
    if not todo:
        print_line(console, f"{plan.sweep.name}: all {total} trials are done already in {root}")
        return
    done = f", {total - len(todo)} done already" if len(todo) < total else ""
    print_line(console, f"{plan.sweep.name}: {total} trials{done}; results in {root}")
    print_reading(console, plan)
    print_notes(console, plan, encoding_stages(todo))
    warn_scorer(console, plan)


def _run_trials(
    console: Console,
    plan: Plan,
    todo: list[Trial],
    listeners: Sequence[Listener],
    held: RunStore,
    options: argparse.Namespace,
) -> None:
    total = len(plan.trials)
    display = choose_display(console, total, total - len(todo))
    with Dispatcher(display, listeners, plan, held) as events:
        if not todo:
            return
        from rayal.run.pruning import make_pruner

        pruner = make_pruner(plan, held, events)
        if not (left := pruner.kept(todo)):
            return
        if options.local:
            from rayal.run import local

            local.run(plan, left, held, events, pruner)
            return
        from rayal.run.ray import driver

        try:
            meanwhile = None if options.no_report else load_report
            driver.run(plan, left, held, events, options.address, pruner, meanwhile)
        except ClusterError as error:
            raise _RefusedError(str(error)) from error
