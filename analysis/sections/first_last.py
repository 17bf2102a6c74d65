"""Whether a good start lasts: the AUC after the first query and after the last, in cycles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import pandas as pd

from analysis.figures.curves import looks_of
from analysis.figures.first_last import first_against_last
from analysis.figures.spec import PLACE, FigureSpec, of_place
from analysis.figures.text import MINUS
from analysis.page.blocks import Block, Sentence
from analysis.page.table import (
    PageTable,
    count,
    interval,
    name_columns,
    number,
    p_value,
    page_table,
    text,
)
from analysis.sections.base import Report, Setting, Tables, section
from analysis.statistics import correlation as correlations
from analysis.statistics.choices import rows_by_choice
from analysis.study.grouping import SETTING, groups, to_frame
from analysis.study.study import Study

BY_RANK = ("r", "p", "low", "high")


def tables(study: Study, _earlier: Tables) -> Tables:
    """AUC of both ends by trial, and their correlation."""
    ends = first_last(study)
    return {"first_last": ends, "correlation": correlation(ends)}


def first_last(study: Study) -> pd.DataFrame:
    """AUC after the first and the last query of every trial with several rounds."""
    view = study.labeled_rounds
    view = view[view["rounds"] > 1]
    ends = [view[view["round"] == 0], view[view["round"] == view["rounds"] - 1]]
    keys = ["trial", *SETTING, "initial", "strategy", "seed"]
    first, last = (end[[*keys, "labelled", "auc"]] for end in ends)
    chosen = ends[1][["trial", "choice"]]
    return first.merge(last, on=keys, suffixes=("_first", "_last")).merge(chosen, on="trial")


def correlation(first_last: pd.DataFrame) -> pd.DataFrame:
    """Pearson's r of first with last AUC by query strategy (HaCon, Fig. 6), and Spearman's.

    Trials that made the same choices are one pair.
    """
    keys = [*SETTING, "strategy", "labelled_first", "labelled_last"]
    rows = []
    for key, group in groups(first_last, keys):
        chosen = group["initial"] + "/" + group["choice"]
        ends = rows_by_choice(group[["auc_first", "auc_last"]], chosen).T
        by_rank = correlations.spearman(*ends)._asdict()
        ranked = {f"rank_{name}": by_rank[name] for name in BY_RANK}
        rows.append({**key, **correlations.pearson(*ends)._asdict(), **ranked})
    by_rank_columns = [f"rank_{name}" for name in BY_RANK]
    return to_frame(rows, [*keys, *correlations.Correlation._fields, *by_rank_columns])


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Scatter plots of the last AUC over the first."""
    looks = looks_of(tables["summary"], study.baseline)
    for (dataset, encoder), part in tables["first_last"].groupby(PLACE, sort=False):
        coefficients = of_place(tables["correlation"], part.iloc[0])
        listed = "; ".join(
            f"{row.strategy}: r = {row.r:.2f}, n = {row.n}" for row in coefficients.itertuples()
        )
        yield FigureSpec(
            "first-last",
            f"{dataset}-{encoder}",
            f"AUC after the first and the last query on {dataset}, {encoder}",
            "AUC after the last query against AUC after the first, a point per trial, a panel per "
            "query strategy; color tells the initial strategy.",
            f"Scatter plots: {listed}",
            "first_last.csv, correlation.csv",
            partial(first_against_last, part, coefficients, looks),
        )


def sentences(setting: Setting) -> Iterator[Sentence]:
    """Say how the first AUC correlates with the last, by query strategy."""
    for _, row in setting.table("correlation").iterrows():
        lead = f"Start and end, {row['strategy']} queries:"
        ends = f"AUC with {row['labelled_first']} and with {row['labelled_last']} labels"
        if math.isnan(row["r"]):
            yield Sentence(lead, f"{ends} cannot be correlated: {row['reason']}.")
        else:
            yield Sentence(lead, f"{ends} correlate with {_correlation_in_words(row)}.")


@section(
    "start",
    title="Start and end",
    heading="AUC after the first and the last query",
    order=90,
    tables=tables,
    figures=figures,
    sentences=sentences,
)
def content(report: Report) -> Iterator[Block]:
    """Scatter plots and the table of correlations."""
    coefficients = report.tables["correlation"]
    if len(coefficients):
        yield from report.gallery("first-last")
        yield _table(coefficients)


def _table(coefficients: pd.DataFrame) -> PageTable:
    return page_table(
        "Correlation of the AUC after the first query with that after the last",
        "correlation.csv",
        coefficients,
        name_columns(coefficients, ["strategy"]),
        [
            count("first", "labelled_first"),
            count("last", "labelled_last"),
            count("trials", "n"),
            number("Pearson's r", "r", ".2f"),
            interval("95 % interval", "low", "high", ".2f"),
            p_value("p", "p"),
            number("Spearman's r", "rank_r", ".2f"),
            text("why none", "reason", optional=True),
        ],
    )


def _correlation_in_words(row: pd.Series) -> str:
    p = f"p = {row['p']:.3f}" if row["p"] >= 0.001 else "p < .001"
    interval = (
        "" if math.isnan(row["low"]) else (f", 95 % interval {row['low']:.2f} to {row['high']:.2f}")
    )
    text = f"Pearson's r = {row['r']:.2f} ({p}{interval}, {row['n']} trials)"
    return text.replace("-", MINUS)
