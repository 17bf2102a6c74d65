"""Trials that failed, with their errors and logs."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.page.blocks import Block, Text
from analysis.page.table import (
    Column,
    PageCell,
    PageTable,
    count,
    name_columns,
    page_table,
    text,
)
from analysis.sections.base import Report, Tables, section
from analysis.study.grouping import as_labels, to_frame
from analysis.study.study import Study
from rayal.sweep.names import KINDS


def tables(study: Study, _earlier: Tables) -> Tables:
    """One row per failed trial."""
    return {"failures": failures(study)}


def failures(study: Study) -> pd.DataFrame:
    """Failed trials, what they were, their error and their log under the run's directory."""
    trials = as_labels(study.trials).set_index("trial")
    rows = []
    for failure in study.run.failures:
        trial = trials.loc[failure["trial"]]
        if trial["status"] == "failed":
            log = f"failures/{failure['trial']}.log"
            rows.append({"trial": failure["trial"], **trial, "error": failure["error"], "log": log})
    return to_frame(rows, ["trial", *KINDS, "schedule", "seed", "error", "log"])


@section("failures", title="Failures", heading="Failures", order=115, tables=tables)
def content(report: Report) -> Iterator[Block]:
    """The failed trials."""
    failed = report.tables["failures"]
    if len(failed):
        yield Text("A failed trial leaves no record; it runs again with the next sweep.")
        yield _table(failed)


def _table(failed: pd.DataFrame) -> PageTable:
    return page_table(
        "Trials that failed",
        "failures.csv",
        failed,
        name_columns(failed, ["initial", "strategy"]),
        [
            Column(
                "labelled",
                lambda row: PageCell(", ".join(map(str, row["schedule"])), row["schedule"][0]),
            ),
            count("seed", "seed"),
            text("error", "error"),
            text("log, in the run's directory", "log"),
        ],
    )
