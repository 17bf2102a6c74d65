"""What `rayal sweep` says and leaves at its end: the report, the summary, what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console

from rayal.cli.bundled_analysis import bundled_analysis
from rayal.cli.printing import show_summary
from rayal.cli.terminal import DONE, FAILED, print_line
from rayal.hints import counted
from rayal.storage.files import StoreError
from rayal.storage.location import Location
from rayal.storage.run import RunStore
from rayal.storage.stopped import Pruning, in_words, read_pruning, spared_trials
from rayal.sweep.plan import Plan

MOST_FAILED = MOST_STOPPED = 10  # errors, and stopped strategies, that are named


def sum_up(
    console: Console,
    plan: Plan,
    held: RunStore,
    seconds: float,
    command: str,
    index: Location | None,
) -> int:
    """Print the summary, and what failed or was spared; return the exit status."""
    finished = held.finished()
    pruning = read_pruning(held.root)
    skipped = spared_trials(pruning) - finished
    missing = [t for t in plan.trials if t.id not in finished and t.id not in skipped]
    _show_summary(console, held.root)
    total = len(plan.trials)
    spared = sum(trial.id in skipped for trial in plan.trials)
    done = total - len(missing) - spared
    pruned = f"{spared} spared, " if pruning else ""
    print_line(
        console, f"{done} of {total} trials done, {pruned}{len(missing)} failed, {seconds:.0f} s"
    )
    _print_failed(console, held, [trial.id for trial in missing])
    if pruning and spared:
        _print_stopped(console, pruning)
    if missing:
        print_line(console, f"Try the failed ones again: {command}")
    if index:
        print_line(console, f"Report: {index}")
    verb = "Make it again" if index else "Make the report"
    print_line(console, f"{verb}: {report_command(command, held.root)}")
    return FAILED if missing else DONE


def report_command(command: str, root: Location) -> str:
    """Return what makes the report of a run, called as the sweep was."""
    tool = "rayal report" if command.startswith("rayal ") else "python -m rayal report"
    return f"{tool} {shlex.quote(str(root))}"


def _print_failed(console: Console, held: RunStore, missing: Sequence[str]) -> None:
    """Name each error once, with the number of trials and the log of one of them."""
    errors = {failure["trial"]: failure["error"] for failure in held.failures(missing)}
    by_error: dict[str, list[str]] = {}
    for trial in missing:
        by_error.setdefault(errors.get(trial, "no reason is known"), []).append(trial)
    for error, trials in list(by_error.items())[:MOST_FAILED]:
        print_line(console, f"  {counted(len(trials), 'trial')} failed: {error}")
        print_line(console, f"    log: {held.failure_path(trials[0])}")
    if len(by_error) > MOST_FAILED:
        more = len(by_error) - MOST_FAILED
        print_line(console, f"  ... and {counted(more, 'other error')} in {held.root / 'failures'}")


def _print_stopped(console: Console, pruning: Pruning) -> None:
    """Name who was stopped where, at which level, and how to run what was spared."""
    stopped = pruning["stopped"]
    for comparison in stopped[:MOST_STOPPED]:
        print_line(console, f"  {in_words(comparison)}")
    if len(stopped) > MOST_STOPPED:
        print_line(console, f"  ... and {len(stopped) - MOST_STOPPED} more")
    comparisons = counted(pruning["comparisons"], "comparison")
    print_line(
        console,
        f"Stopped by prune at level {pruning['level']:g} over {comparisons}; without prune, the "
        "same command runs what was spared (--set prune=null)",
    )


def _show_summary(console: Console, root: Location) -> None:
    """Print the table of results; a fault in it must not hide which trials failed."""
    try:
        show_summary(console, root)
    except Exception as error:  # noqa: BLE001 - the records are safe, so say it and go on
        print_line(console, f"the summary could not be made ({type(error).__name__}: {error})")


def load_report() -> None:
    """Import what the report needs; a fault in it is told when the report is made."""
    with suppress(Exception), bundled_analysis():
        from analysis import report

        report.load_libraries()


def write_report(console: Console, root: Location) -> Location | None:
    """Make the report; a run's results must not be lost to a fault in drawing them."""
    try:
        with bundled_analysis():
            from analysis import report

            return report.write(root)
    except StoreError as error:
        print_line(console, f"the report could not be made: {error}")
    except Exception as error:  # noqa: BLE001 - the records are safe, so say it and go on
        print_line(console, f"the report could not be made ({type(error).__name__}: {error})")
    return None
