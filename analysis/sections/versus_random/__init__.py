"""Strategies against random selection: differences, labels saved, areas under the curve."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.page.blocks import Block, Sentence
from analysis.page.table import by_query_mode
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
from analysis.study.study import Study


def tables(study: Study, earlier: Tables) -> Tables:
    """Differences and their power, labels saved, areas."""
    against = against_random(study)
    return {
        "against_random": against,
        "power": power(against),
        "annotation_saved": annotation_saved(study, earlier["summary"]),
        "aubc": aubc(study),
    }


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
    """Differences first, then labels saved and areas; tests and power to be unfolded."""
    compared = report.tables["against_random"]
    yield from by_query_mode(_with_many_of_random(compared), against_all_table)
    yield from by_query_mode(compared, against_table)
    yield from by_query_mode(report.tables["annotation_saved"], savings_table)
    yield from by_query_mode(report.tables["aubc"], areas_table)
    yield from folded("Every test, and the seeds compared", by_query_mode(compared, tests_table))
    yield from folded(
        "Power: what this number of seeds can show",
        by_query_mode(report.tables["power"], power_table),
    )


def _with_many_of_random(compared: pd.DataFrame) -> pd.DataFrame:
    return compared[compared["n_random"] > compared["n_own"]]
