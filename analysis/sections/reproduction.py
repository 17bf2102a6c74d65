"""How to make the run again: its command, what it was made with, and every number."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from markupsafe import Markup

from analysis.page.blocks import Block, Code, Heading, TableFiles, Text
from analysis.page.table import (
    Column,
    PageCell,
    PageTable,
    Row,
    count,
    page_table,
    text,
)
from analysis.sections.base import Report, Tables, section
from analysis.study.grouping import to_frame
from analysis.study.study import Study
from rayal.storage.round_keys import LISTS, LISTS_OF_SEVERAL


def tables(study: Study, _earlier: Tables) -> Tables:
    """Account of the trials, versions, and all records."""
    return {
        "progress": pd.DataFrame([vars(study.progress)]),
        "versions": versions(study),
        "records": study.rounds.drop(columns=[*LISTS, *LISTS_OF_SEVERAL], errors="ignore"),
    }


def versions(study: Study) -> pd.DataFrame:
    """What the finished trials were made with: trials by package and version."""
    trials = study.rounds.drop_duplicates("trial")
    rows = (
        {"package": column.removeprefix("version."), "version": version, "trials": int(count)}
        for column in map(str, trials)
        if column.startswith("version.")
        for version, count in trials[column].fillna("not recorded").value_counts().items()
    )
    counts = to_frame(rows, ["package", "version", "trials"])
    return counts.assign(mixed=counts.groupby("package")["version"].transform("size") > 1)


@section("again", title="Reproduce", heading="Reproduce this run", order=120, tables=tables)
def content(report: Report) -> Iterator[Block]:
    """The command, versions, and the tables' files."""
    counts = report.tables["versions"]
    yield Text(
        Markup(
            "Finished trials are not run a second time; the report alone comes from "
            "<code>rayal report RUN</code>."
        )
    )
    yield Code(str(report.study.run.plan.get("command", "")))
    mixed = counts.loc[counts["mixed"].astype(bool), "package"].unique()
    if len(mixed):
        packages = ", ".join(mixed)
        yield Text(f"The trials were not all made with the same versions: {packages}.", "warning")
    if len(counts):
        yield _table(counts)
    yield Heading("Every number")
    yield TableFiles([(name, len(table)) for name, table in report.tables.items()])


def _table(counts: pd.DataFrame) -> PageTable:
    return page_table(
        "What the finished trials were made with",
        "versions.csv",
        counts,
        ["package"],
        [
            text("version", "version"),
            count("trials", "trials"),
            Column("several versions", _mixed_cell),
        ],
    )


def _mixed_cell(row: Row) -> PageCell:
    answer = "yes" if row["mixed"] else "no"
    return PageCell(answer, answer, strong=bool(row["mixed"]))
