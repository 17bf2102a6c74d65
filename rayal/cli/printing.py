"""What the command line prints: the plan before a run, the table of results after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from rayal.cli.bundled_analysis import bundled_analysis
from rayal.cli.terminal import cell, print_line, print_table
from rayal.hints import counted, first_of
from rayal.storage.location import Location
from rayal.storage.run import RunStore
from rayal.sweep import cost, pruning
from rayal.sweep.dataset_info import DatasetInfo
from rayal.sweep.definition import Trial
from rayal.sweep.earlier import EarlierTrials, go_on
from rayal.sweep.plan import Plan
from rayal.sweep.selector import select

if TYPE_CHECKING:
    import pandas as pd

NAMES_WIDTH = 26  # of a line: for names and the number of trials, at the least
BUDGET_WIDTH = 14
SHOWN_IDS = 5  # of trials that are named


def show_plan(console: Console, plan: Plan, root: Location, redo: Sequence[str] = ()) -> None:
    """Print what would run, and what of it is done already.

    redo: selectors of trials that would run again.

    Raises:
        SweepError: a selector means no trial.
    """
    run = RunStore(root)
    finished = run.finished()
    earlier = go_on(plan, run.plan() if run.has_plan() else None, finished)
    plan = earlier.plan
    again = {trial.id for trial in select(plan, redo, earlier.unverified)}
    _print_components(console, plan)
    print_reading(console, plan)
    print_earlier(console, earlier)
    if family := pruning.family_of(plan):
        print_line(console, pruning.in_words(family, len(plan.trials)))
    done = sum(trial.id in finished - again for trial in plan.trials)
    print_line(
        console,
        f"{len(plan.trials):,} trials on {counted(len(plan.embeddings), 'encoder stage')}, "
        f"{done:,} done already in {root}. Nothing was started.",
    )


def _print_components(console: Console, plan: Plan) -> None:
    sweep = plan.sweep
    bill = cost.summary(sweep.hours, sweep.resources)
    for title, text in (("Question", sweep.question), ("Cost", sweep.cost), ("Bill", bill)):
        if text:
            print_line(console, f"{title}: {text}")
    for info in plan.datasets.values():
        tested = f", {info.test:,} to test" if info.test else ""
        several = ", of which an image may have several" if info.multilabel else ""
        absent = f" (published sizes; {info.absent})" if info.absent else ""
        print_line(
            console,
            f"Dataset {info.name}: pool of {info.train:,} images{tested}, "
            f"{len(info.classes)} classes{_spread(info)}{several}{absent}",
        )
    print_notes(console, plan, plan.embeddings)
    print_table(console, _plan_table(plan))
    warn_scorer(console, plan)


def _spread(info: DatasetInfo) -> str:
    """How unequal the classes of the pool are, and what of it is set aside."""
    counts = info.class_counts
    equal = not counts or min(counts) == max(counts)
    each = "" if equal else f" of {min(counts):,} to {max(counts):,} images"
    return each + (f", {info.reserved:,} images set aside" if info.reserved else "")


def print_notes(console: Console, plan: Plan, keys: Iterable[str]) -> None:
    """Say where the weights of these embeddings come from, what is resized, how large they are."""
    lines = []
    for key in keys:
        trial, notes = plan.embeddings[key], plan.notes.get(key, ())
        encoder = plan.names(trial)["encoder"].label
        if notes:
            lines.append(f"Encoder {encoder} on {trial.dataset_name}: {'; '.join(notes)}")
    for line in dict.fromkeys(lines):
        print_line(console, line)


def print_reading(console: Console, plan: Plan) -> None:
    """Say which parts a --set applies to, where it does not name one, and which entries are one."""
    for note in (*plan.sweep.notes, *plan.repeats):
        print_line(console, f"{note}.")


def print_earlier(console: Console, earlier: EarlierTrials) -> None:
    """Name trials made by other files, plugins or defaults, by what nobody knows, or unplanned."""
    for encoder, values in earlier.former.items():
        print_line(
            console,
            f"NOTE: {encoder} goes on with {values}, its default when this run was planned; state "
            "another in the sweep file, or use another --out, for the present one.",
        )
    if superseded := earlier.superseded:
        rerun = counted(len(earlier.redone), "trial")
        print_line(
            console,
            f"NOTE: made by other files or plugins than the present ones, and left out of the "
            f"results: {counted(len(superseded), 'finished trial')} ({listed_ids(superseded)})"
            + (f"; to run with the present ones: {rerun}." if earlier.redone else "."),
        )
    if unverified := earlier.unverified:
        print_line(
            console,
            f"NOTE: made before ids covered files and plugins, perhaps by others than the present "
            f"ones: {counted(len(unverified), 'finished trial')} ({listed_ids(unverified)}); "
            "--redo unverified runs them again.",
        )
    if outside := earlier.outside:
        print_line(
            console,
            f"NOTE: not in this plan: {counted(len(outside), 'finished trial')} of this run; the "
            "records stay, and the results leave them out.",
        )


def duration(seconds: float) -> str:
    """Write a time in the unit of which it has two or more: "75 s", "12 min", "30 h", "4 d"."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def listed_ids(ids: Iterable[str]) -> str:
    """Write the first of some trials' ids."""
    return first_of(sorted(ids), SHOWN_IDS)


def warn_scorer(console: Console, plan: Plan) -> None:
    """Say loudly where first queries have seen the test set."""
    if lent := sum(trial.scorer != "" for trial in plan.trials):
        print_line(
            console,
            f"NOTE: the first query of {lent:,} trials is scored by a model trained on the labels "
            "of the TEST SET (scorer: trained-on-test-set): a bound, not a rival.",
        )


def show_summary(console: Console, root: Location) -> None:
    """Print strategy x labeled images: AUC mean and std, class coverage, trials."""
    rows = _summary_rows(root)
    if rows.empty:
        return
    rows["single"] = rows["rounds"] == 1
    keys = ["dataset", "encoder", "learner", "single"]
    for (dataset, encoder, learner, single), group in rows.groupby(keys, sort=False):
        starts = [] if single else list(group["initial"].unique())
        shape = "single query" if single else "cycles"
        shape += f" from {starts[0]}" if len(starts) == 1 else ""
        title = f"{dataset}, {encoder}, {learner}, {shape}: AUC mean±std, below it class coverage"
        print_line(console, title)  # above a narrow table Rich would break it in two
        shown = _budgets_that_fit(sorted(group["labelled"].unique()), console.width)
        names = ["strategy"] if len(starts) < 2 else ["initial", "strategy"]
        print_table(console, _summary_table(group, names, shown))


def _summary_rows(root: Location) -> pd.DataFrame:
    with bundled_analysis():
        import analysis

        return analysis.summary_rows(analysis.load(root))


def _budgets_that_fit(budgets: list[int], width: int) -> list[int]:
    """Leave out budgets between the first and the last where a line has no room for all."""
    most = max(2, (width - NAMES_WIDTH) // BUDGET_WIDTH)
    if len(budgets) <= most:
        return budgets
    return [budgets[round(i * (len(budgets) - 1) / (most - 1))] for i in range(most)]


def _summary_table(rows: pd.DataFrame, names: list[str], budgets: list[int]) -> Table:
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")
    for budget in budgets:
        table.add_column(f"{budget}", justify="right", no_wrap=True, min_width=11)
    table.add_column("trials", justify="right", no_wrap=True, min_width=6)
    for (initial, strategy), group in rows.groupby(["initial", "strategy"], sort=False):
        cells = {row.labelled: _cell(row) for row in group.itertuples()}
        labels = {"initial": cell(initial), "strategy": cell(strategy)}
        done = str(group["done"].max())
        table.add_row(*(labels[n] for n in names), *(cells.get(b, "-") for b in budgets), done)
    return table


def _cell(row: object) -> str:
    mean, std, coverage = (getattr(row, name) for name in ("auc_mean", "auc_std", "coverage_mean"))
    spread = f"±{std:.3f}" if std == std else ""  # no std of a single trial
    return f"{mean:.3f}{spread}\n[dim]{coverage:.2f}[/dim]"


def _plan_table(plan: Plan) -> Table:
    """A line per dataset, encoder, learner and strategies; budgets of single queries beside."""
    lines: dict[tuple[str, ...], Counter[str]] = {}
    for trial in plan.trials:
        labelled = " ".join(map(str, trial.schedule))
        lines.setdefault(_plan_line(plan, trial), Counter())[labelled] += 1
    table = Table("dataset", "encoder", "learner", "initial", "strategy", "labelled", "trials")
    for line, counts in lines.items():
        table.add_row(*map(cell, line), ", ".join(counts), str(counts.total()))
    return table


def _plan_line(plan: Plan, trial: Trial) -> tuple[str, ...]:
    names = plan.names(trial)
    return (
        trial.dataset_name,
        names["encoder"].label,
        names["learner"].label,
        "" if len(trial.schedule) == 1 else names["initial"].label,
        names["strategy"].label,
    )
