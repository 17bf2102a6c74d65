"""How far a sweep that is a paper's table agrees with it, in a sentence for the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from markupsafe import Markup

from analysis.sections.papers.printed import printed_tables
from analysis.study.study import Study
from rayal.hints import counted

ANCHOR = "papers"  # of the section that has the tables
VALUE = ["printed_row", "dataset", "labelled", "round", "metric", "printed_mean"]


def agreements(study: Study, tables: Mapping[str, pd.DataFrame]) -> Iterator[Markup]:
    """Yield a sentence for each table of a paper that the study's sweep was written for."""
    for name, printed in printed_tables().items():
        if name in tables and printed.sweeps.intersection(study.sweeps):
            yield _in_words(printed.title, tables[name])


def _in_words(title: str, rows: pd.DataFrame) -> Markup:
    measured = rows[rows["n"] > 0]
    judged = measured[measured["within_both"] != ""]
    within = int((judged["within_both"] == "yes").sum())
    there, printed = (len(part.drop_duplicates(VALUE)) for part in (measured, rows))
    words = f"{there:,} of {counted(printed, 'printed value')} measured here"
    if len(measured) > there:  # by several learners, encoders or trainings of one
        words += f" in {counted(len(measured), 'setting')}"
    if len(judged):
        words += f"; in {within:,} of {len(judged):,} each mean lies in the other's interval"
    if (measured["departs"] != "").any():
        words += "; the recipe departs from the paper's"
    return Markup('Beside the print: <a href="#{}">{}</a>: {}.').format(ANCHOR, title, words)
