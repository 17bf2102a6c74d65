"""Strategies against random selection: differences, labels saved, areas under the curve."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from analysis.page.blocks import Block, Sentence
from analysis.page.table import PageTable, by_query_mode
from analysis.sections.base import Report, Setting, Tables, folded, section
from analysis.sections.versus_random.areas import areas_table, aubc
from analysis.sections.versus_random.differences import (
    against_all_table,
    against_random,
    against_table,
    power,
    power_table,
    tests_table,
)
from analysis.sections.versus_random.savings import (
    annotation_saved,
    savings_sentences,
    savings_table,
)
from analysis.study.measures import IN_WORDS, in_order, table_of
from analysis.study.study import Study


def tables(study: Study, earlier: Tables) -> Tables:
    """Differences and their power, labels saved, areas."""
    by_name: dict[str, pd.DataFrame] = {}
    for measure in study.measures:
        against = against_random(study, measure)
        made = {
            "against_random": against,
            "power": power(against),
            "annotation_saved": annotation_saved(study, earlier["summary"], measure),
            "aubc": aubc(study, measure),
        }
        by_name |= {table_of(name, measure): table for name, table in made.items()}
    return by_name


def sentences(setting: Setting) -> Iterator[Sentence]:
    """Say who saved the most labels."""
    yield from savings_sentences(setting)


@section(
    "against",
    title="Against random",
    heading="Against random selection",
    order=40,
    tables=tables,
    sentences=sentences,
)
def content(report: Report) -> Iterator[Block]:
    """By the primary measure first; other measures, tests and power to be unfolded."""
    primary, *others = in_order(report.study.measure, report.study.measures)
    compared = _of_measure(report, "against_random", primary)
    yield from _by(report, primary)
    for measure in others:
        words = IN_WORDS[measure]
        yield from folded(f"By {words}", list(_by(report, measure)))
    yield from folded("Every test, and the seeds compared", by_query_mode(compared, tests_table))
    yield from folded(
        "Power: what this number of seeds can show",
        by_query_mode(_of_measure(report, "power", primary), power_table),
    )


def _by(report: Report, measure: str) -> Iterator[PageTable]:
    """Yield differences, labels saved and areas, all of one measure."""
    compared = _of_measure(report, "against_random", measure)
    saved, areas = (report.tables[table_of(name, measure)] for name in ("annotation_saved", "aubc"))
    yield from by_query_mode(_with_many_of_random(compared), against_all_table)
    yield from by_query_mode(compared, against_table)
    yield from by_query_mode(saved, partial(savings_table, measure))
    yield from by_query_mode(areas, partial(areas_table, measure))


def _of_measure(report: Report, name: str, measure: str) -> pd.DataFrame:
    table = report.tables[table_of(name, measure)]
    rows: pd.DataFrame = table[table["metric"] == measure]
    return rows


def _with_many_of_random(compared: pd.DataFrame) -> pd.DataFrame:
    return compared[compared["n_random"] > compared["n_own"]]
