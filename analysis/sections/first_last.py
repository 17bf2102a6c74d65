"""Whether a good start lasts: the AUC after the first query and after the last, in cycles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
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
from analysis.sections.base import Report, Setting, Tables, folded, section
from analysis.statistics import correlation as correlations
from analysis.statistics.choices import rows_by_choice
from analysis.statistics.intervals import Floats
from analysis.study.grouping import SETTING, groups, to_frame
from analysis.study.study import Study

BY_RANK = ("r", "p", "low", "high")
ENDS = ("auc_first", "auc_last")
INITIALS, TRIALS = "initial strategies", "trials"  # what the pairs of a correlation are


def tables(study: Study, _earlier: Tables) -> Tables:
    """AUC of both ends by trial, and their correlation."""
    ends = first_last(study)
    over = correlation(ends)
    return {
        "first_last": ends,
        "correlation": over[over["over"] == TRIALS].reset_index(drop=True),
        "correlation_of_means": over[over["over"] == INITIALS].reset_index(drop=True),
    }


def first_last(study: Study) -> pd.DataFrame:
    """AUC after the first and the last query of every trial with several rounds."""
    view = study.distinct_rounds
    view = view[view["rounds"] > 1]
    ends = [view[view["round"] == 0], view[view["round"] == view["rounds"] - 1]]
    keys = ["trial", *SETTING, "initial", "strategy", "seed"]
    first, last = (end[[*keys, "labelled", "auc"]] for end in ends)
    chosen = ends[1][["trial", "choice"]]
    return first.merge(last, on=keys, suffixes=("_first", "_last")).merge(chosen, on="trial")


def correlation(first_last: pd.DataFrame) -> pd.DataFrame:
    """Pearson's r of first with last AUC by query strategy (HaCon, Fig. 6), and Spearman's.

    Two rows for each query strategy, by what they are `over`: initial strategies, each a pair of
    its trials' means, as in the paper; and trials, where those that made the same choices are
    one pair. The pairs of trials that share an initial strategy are not independent of one
    another, so that p and interval over trials claim too much.
    """
    keys = [*SETTING, "strategy", "labelled_first", "labelled_last"]
    rows = []
    for key, group in groups(first_last, keys):
        chosen = group["initial"] + "/" + group["choice"]
        trials = rows_by_choice(group[list(ENDS)], chosen)
        for over, pairs in ((INITIALS, initial_means(group)[list(ENDS)]), (TRIALS, trials)):
            rows.append({**key, "over": over, **_both_correlations(*np.asarray(pairs).T)})
    by_rank_columns = [f"rank_{name}" for name in BY_RANK]
    return to_frame(rows, [*keys, "over", *correlations.Correlation._fields, *by_rank_columns])


def initial_means(first_last: pd.DataFrame) -> pd.DataFrame:
    """Mean AUC of both ends by initial strategy, over the trials in which both were measured."""
    measured = first_last.dropna(subset=list(ENDS))
    return measured.groupby("initial", sort=False)[list(ENDS)].mean().reset_index()


def _both_correlations(first: Floats, last: Floats) -> dict[str, Any]:
    """Pearson's correlation of two columns (n,), and Spearman's under names of its own."""
    by_rank = correlations.spearman(first, last)._asdict()
    ranked = {f"rank_{name}": by_rank[name] for name in BY_RANK}
    return {**correlations.pearson(first, last)._asdict(), **ranked}


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Scatter plots of the last AUC over the first."""
    looks = looks_of(tables["summary"], study.baseline)
    for (dataset, encoder), part in tables["first_last"].groupby(PLACE, sort=False):
        panels = of_place(tables["correlation_of_means"], part.iloc[0])
        if panels["r"].isna().all():
            continue
        listed = "; ".join(
            f"{row.strategy}: r = {row.r:.2f} over {row.n} initial strategies"
            for row in panels.itertuples()
        )
        yield FigureSpec(
            "first-last",
            f"{dataset}-{encoder}",
            f"AUC after the first and the last query on {dataset}, {encoder}",
            "AUC after the last query against AUC after the first, a panel per query strategy; "
            "color tells the initial strategy. Large: the mean of an initial strategy's trials, "
            "over which r is; faint: each trial.",
            f"Scatter plots: {listed}",
            "first_last.csv, correlation_of_means.csv",
            partial(first_against_last, part, panels, looks),
        )


def sentences(setting: Setting) -> Iterator[Sentence]:
    """Say how the first AUC correlates with the last, by query strategy, where that is known."""
    table = setting.table("correlation_of_means")
    for _, row in table[table["r"].notna()].iterrows():
        ends = f"AUC with {row['labelled_first']} and with {row['labelled_last']} labels"
        yield Sentence(
            f"Start and end, {row['strategy']} queries:",
            f"{ends} correlate with {_correlation_in_words(row)}.",
        )


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
    """Scatter plots and the tables of correlations, where there are enough initial strategies."""
    means, trials = (report.tables[name] for name in ("correlation_of_means", "correlation"))
    if means["r"].notna().any():
        yield from report.gallery("first-last")
        yield _table(
            "Correlation of the AUC after the first query with that after the last, over the "
            "initial strategies: a pair of means each, as in HaCon's Figure 6",
            "correlation_of_means.csv",
            means,
        )
        yield from folded("Correlation over trials", [
            _table(
                "The same over all trials; p and interval take trials of one initial strategy for "
                "independent of one another, and claim too much",
                "correlation.csv",
                trials,
            )
        ])  # fmt: skip


def _table(caption: str, source: str, coefficients: pd.DataFrame) -> PageTable:
    return page_table(
        caption,
        source,
        coefficients,
        name_columns(coefficients, ["strategy"]),
        [
            count("first", "labelled_first"),
            count("last", "labelled_last"),
            count(str(coefficients["over"].iloc[0]), "n"),
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
    text = f"Pearson's r = {row['r']:.2f} ({p}{interval}, {row['n']} {row['over']})"
    return text.replace("-", MINUS)
