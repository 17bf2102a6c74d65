"""What learners reached on the test set, and what their measures were over the budgets."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.figures.curves import curve_specs
from analysis.figures.spec import FigureSpec
from analysis.page.blocks import Block, Text
from analysis.page.budgets import means_by_budget
from analysis.page.table import by_query_mode
from analysis.sections.base import Report, Tables, folded, section
from analysis.study.grouping import GROUP_KEYS
from analysis.study.study import Study
from analysis.study.summary import summary

HINT = (
    "Point at a mark of a figure for its value; or reach the figure with the Tab key and step "
    "through its marks with the arrow keys."
)


def tables(study: Study, _earlier: Tables) -> Tables:
    """Means by group, and of cycles alone."""
    means = summary(study)
    return {"summary": means, "cycles": cycles(means)}


def cycles(means: pd.DataFrame) -> pd.DataFrame:
    """Initial x query strategy x labeled images: the groups of trials with several rounds."""
    shown = ["n", "auc_mean", "auc_std", "auc_low", "auc_high", "coverage_mean"]
    return means.loc[means["rounds"] > 1, [*GROUP_KEYS, *shown]]


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Curves of AUC, accuracy and pool error."""
    for measure in ("auc", "accuracy", "pool_error"):
        yield from curve_specs(tables["summary"], measure, study.baseline)


@section(
    "auc", title="Test set", heading="On the test set", order=20, tables=tables, figures=figures
)
def content(report: Report) -> Iterator[Block]:
    """Curves and tables of AUC and accuracy."""
    means = report.tables["summary"]
    if not report.study.progress.done:
        return
    yield Text(HINT, "note hint")
    yield from report.gallery("auc")
    yield from by_query_mode(means, means_by_budget("auc", "AUC", 3))
    yield from report.gallery("accuracy")
    accuracy = by_query_mode(means, means_by_budget("accuracy", "Accuracy", 3))
    yield from folded("Accuracy as a table", accuracy)
    yield from report.gallery("pool-error")
