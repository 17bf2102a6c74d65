"""What learners reached on the test set, and what their measures were over the budgets."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.figures.curves import capital, curve_specs, kind_of
from analysis.figures.spec import FigureSpec
from analysis.page.blocks import Block
from analysis.page.budgets import means_by_budget
from analysis.page.table import PageTable, by_query_mode
from analysis.sections.base import Report, Tables, folded, section
from analysis.study.grouping import GROUP_KEYS
from analysis.study.measures import IN_WORDS, OF_SEVERAL
from analysis.study.study import Study
from analysis.study.summary import summary

SHOWN = ("auc", "accuracy")  # besides the primary measure


def tables(study: Study, _earlier: Tables) -> Tables:
    """Means by group, and of cycles alone."""
    means = summary(study)
    return {"summary": means, "cycles": cycles(means)}


def cycles(means: pd.DataFrame) -> pd.DataFrame:
    """Initial x query strategy x labeled images: the groups of trials with several rounds."""
    shown = ["n", "auc_mean", "auc_std", "auc_low", "auc_high", "coverage_mean"]
    return means.loc[means["rounds"] > 1, [*GROUP_KEYS, *shown]]


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Curves of AUC, of the primary measure, of accuracy and pool error."""
    for measure in dict.fromkeys((*_shown(study), "pool_error")):
        yield from curve_specs(tables["summary"], measure, study.baseline)


@section(
    "auc", title="Test set", heading="On the test set", order=20, tables=tables, figures=figures
)
def content(report: Report) -> Iterator[Block]:
    """The primary measure as a table, then AUC and accuracy; the verdict shows its curves."""
    means = report.tables["summary"]
    if not report.study.progress.done:
        return
    primary, *others = _shown(report.study)
    yield from _means(means, primary)
    for measure in others:
        yield from report.gallery(kind_of(measure))
        yield from folded(f"{capital(IN_WORDS[measure])} as a table", _means(means, measure))
    yield from report.gallery("pool-error")


def _shown(study: Study) -> list[str]:
    """The primary measure and others; those of several classes an image where they were taken."""
    several = [measure for measure in OF_SEVERAL if measure in study.measures]
    return list(dict.fromkeys((study.measure, SHOWN[0], *several, *SHOWN[1:])))


def _means(means: pd.DataFrame, measure: str) -> list[PageTable]:
    return by_query_mode(means, means_by_budget(measure, capital(IN_WORDS[measure]), 3))
