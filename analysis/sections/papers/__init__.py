"""The papers' tables from records: each measured value beside the printed one.

agreement.py  how far a sweep that is a paper's table agrees with it, for the verdict
printed.py  the printed values: data/*.csv, described by tables.yaml
match.py    which curve of a study a printed value belongs to
values.py   what the study measured there
compare.py  both, with intervals
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.page.blocks import Block, Text
from analysis.page.table import (
    PageTable,
    count,
    interval,
    mean_std,
    name_columns,
    number,
    page_table,
    text,
)
from analysis.sections.base import Report, Tables, section
from analysis.sections.papers.agreement import ANCHOR
from analysis.sections.papers.compare import paper_tables, titles
from analysis.study.study import Study

ROW = "row in print"


def tables(study: Study, _earlier: Tables) -> Tables:
    """Those of the papers' tables that the study has a value of."""
    return paper_tables(study)


@section(
    ANCHOR,
    title="Papers",
    heading="Compared with the published values",
    order=70,
    tables=tables,
    captions=titles,
)
def content(report: Report) -> Iterator[Block]:
    """The papers' tables, one below the other."""
    shown = [
        _table(name, title, report.tables[name])
        for name, title in titles().items()
        if name in report.tables
    ]
    if shown:
        yield Text(
            "Measured here, and printed in the papers. A run with another recipe than the "
            "paper's says where it departs; the comparison is then of orders, not of values. Means "
            "and spreads are over trials, as in print; intervals are over the distinct choices of "
            "images among them, and of one choice there is none."
        )
        yield from shown


def _table(name: str, title: str, rows: pd.DataFrame) -> PageTable:
    several = [text("metric", "metric")] if rows["metric"].nunique() > 1 else []
    return page_table(
        title,
        f"{name}.csv",
        rows.rename(columns={"printed_row": ROW}),
        [ROW, *name_columns(rows, ["initial", "strategy"])],
        [
            count("labeled", "labelled"),
            *several,
            count("trials", "n"),
            count("choices", "choices"),
            mean_std("measured", "mean", "std", 2),
            mean_std("printed", "printed_mean", "printed_std", 2),
            number("difference", "difference", "+.2f"),
            interval("95 % interval", "difference_low", "difference_high", "+.2f"),
            text("within both intervals", "within_both", optional=True),
            text("departs from the paper", "departs", optional=True),
            text("note on the print", "note", optional=True),
        ],
    )
