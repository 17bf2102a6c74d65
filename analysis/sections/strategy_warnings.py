"""What strategies warned of in their trials, such as an approximate form or a useless radius."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.page.blocks import Block, Text
from analysis.page.table import count, name_columns, page_table, text
from analysis.sections.base import Report, Tables, section
from analysis.study.grouping import as_labels
from analysis.study.study import Study

OF = ("dataset", "encoder", "initial", "strategy")


def tables(study: Study, _earlier: Tables) -> Tables:
    """One row for each warning of a strategy on a dataset; no table where there is none."""
    warned = strategy_warnings(study)
    return {"strategy_warnings": warned} if len(warned) else {}


def strategy_warnings(study: Study) -> pd.DataFrame:
    """Return each warning, whose it is, and in how many trials it came."""
    trials = as_labels(study.trials).set_index("trial")[list(OF)]
    warned = {
        (record["trial"], text)
        for record in study.run.records
        for row in record["rounds"]
        for text in row.get("warnings", ())
    }
    frame = pd.DataFrame(sorted(warned), columns=["trial", "warning"]).join(trials, on="trial")
    counted = frame.groupby([*OF, "warning"], sort=True, dropna=False)
    return counted.size().rename("trials").reset_index()


@section(
    "warnings", title="Warnings", heading="What strategies warned of", order=114, tables=tables
)
def content(report: Report) -> Iterator[Block]:
    """The warnings, where there are any."""
    warned = report.tables.get("strategy_warnings")
    if warned is None:
        return
    yield Text("Each trial's record has them; a trial with a warning counts as any other.")
    yield page_table(
        "Warnings of strategies",
        "strategy_warnings.csv",
        warned,
        name_columns(warned, ["initial", "strategy"]),
        [text("warning", "warning"), count("trials", "trials")],
    )
