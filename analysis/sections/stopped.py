"""Strategies that `prune` stopped: where, on what grounds, and what it spared."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.page.blocks import Block, Text
from analysis.page.table import Column, PageCell, count, name_columns, number, page_table
from analysis.sections.base import Report, Tables, section
from analysis.study.grouping import to_frame
from analysis.study.measures import IN_WORDS
from analysis.study.stopped import prunings
from analysis.study.study import Study
from rayal.hints import counted
from rayal.storage.stopped import Pruning

COLUMNS = [
    "dataset", "encoder", "learner", "initial", "strategy", "rounds", "labelled", "measure",
    "pairs", "lost", "won", "difference", "evidence", "needed", "done", "spared",
]  # fmt: skip
NOTE = (
    "A pair is a trial of the strategy and one of random selection with the same seed; in cycles "
    "the mean over the rounds after the first is compared. Seeds with the same choice of images "
    "are one pair. That a strategy loses most pairs is what is shown. The mean difference is over "
    "the pairs up to the stop: it is too low rather "
    "than too high, for the stop depends on it. No table of comparisons, ranks or leaders counts a "
    "strategy where it was stopped."
)


def tables(study: Study, _earlier: Tables) -> Tables:
    """One row for each strategy and cell that was stopped; no table where none was."""
    return {"stopped": stopped(study)} if study.stopped else {}


def stopped(study: Study) -> pd.DataFrame:
    """Return who was stopped where, after how many pairs, and how many trials that spared."""
    done = set(study.trials.loc[study.trials["status"] == "done", "trial"])
    rows = (
        {
            **one,
            "rounds": len(one["schedule"]),
            "labelled": one["schedule"][-1],
            "done": len(done.intersection(one["trials"])),
            "spared": len(set(one["spared"]) - done),
        }
        for one in study.stopped
    )
    return to_frame(rows, COLUMNS)


@section("stopped", title="Stopped", heading="Stopped by pruning", order=58, tables=tables)
def content(report: Report) -> Iterator[Block]:
    """What was stopped, and at which level."""
    if not report.study.stopped:
        return
    for pruning in prunings(report.study.roots):
        yield Text(_level_in_words(pruning))
    rows = report.tables["stopped"]
    yield page_table(
        f"Strategies that lost to random selection, in {_measures_in_words(rows)}, where they were "
        "stopped",
        "stopped.csv",
        rows,
        name_columns(rows, ["initial", "strategy"]),
        [
            count("labeled", "labelled"),
            count("pairs", "pairs"),
            count("lost", "lost"),
            count("won", "won"),
            number("mean difference", "difference", "+.3f"),
            Column("evidence, of needed", _evidence),
            count("trials done", "done"),
            count("spared", "spared"),
        ],
    )
    yield Text(NOTE, "note")


def _level_in_words(pruning: Pruning) -> str:
    many = pruning["comparisons"]
    return (
        f"Of {counted(many, 'comparison')} with random selection, "
        f"{len(pruning['stopped']):,} ended early. Were no strategy to lose more pairs than it "
        f"wins, the chance that any is stopped is at most {pruning['level']:g}, however often is "
        "looked: evidence is the wealth of a bettor on losses, who begins with 1, and what is "
        f"needed is {many:,} / {pruning['level']:g}."
    )


def _measures_in_words(rows: pd.DataFrame) -> str:
    return " and ".join(IN_WORDS[measure] for measure in rows["measure"].unique())


def _evidence(row: object) -> PageCell:
    assert isinstance(row, dict)
    return PageCell(f"{row['evidence']:,.0f} of {row['needed']:,.0f}", float(row["evidence"]))
