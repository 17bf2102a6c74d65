"""Mean areas under the curves of selections over blocks, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.page.table import PageTable, count, interval, number, page_table, text
from analysis.sections.rankings.blocks import (
    SELECTION,
    RankedBlock,
    blocks_of,
    blocks_without,
    rows_of_each_mode,
    selections_of,
)
from analysis.statistics.bootstrap import stratified_by_choice
from analysis.statistics.intervals import mean
from analysis.study.grouping import to_frame
from analysis.study.measures import IN_WORDS, PRIMARY, table_of
from analysis.study.study import Study

OVERALL = ["shape", "way", "blocks", "metric", "mean", "low", "high", "left_out"]
AREAS = {PRIMARY: "aubc"}  # what tables call the area under the curve of a measure


def overall(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """Mean over blocks of each selection's area under the curve, over the budgets as for ranks.

    The interval is over distinct choices within each block, resampled where all have 10 and more,
    made equally often.
    """
    metric = AREAS.get(measure, f"{measure}_aubc")

    def rows_of(view: pd.DataFrame) -> Iterator[dict[str, Any]]:
        return _overall_rows(list(blocks_of(view, measure)), metric)

    return to_frame(rows_of_each_mode(study, measure, rows_of), OVERALL)


def _overall_rows(blocks: list[RankedBlock], metric: str) -> Iterator[dict[str, Any]]:
    for name in selections_of(blocks):
        ranked = [block for block in blocks if name in block.areas]
        low, high = stratified_by_choice(
            [(block.areas[name], block.choices[name]) for block in ranked]
        )
        yield {
            "way": name,
            "blocks": len(ranked),
            "metric": metric,
            "mean": mean([mean(block.areas[name]) for block in ranked]),
            "low": low,
            "high": high,
            "left_out": "; ".join(blocks_without(name, blocks)),
        }


def overall_table(measure: str, part: pd.DataFrame) -> PageTable:
    """Return the mean areas by a measure, the largest first."""
    words = IN_WORDS[measure]
    return page_table(
        f"Mean over settings (dataset, encoder, learner) of the area under the {words} curve, or "
        f"of the {words} where there is one budget, without budgets of one selection alone; the "
        "interval is over choices within each setting: Student's where one has fewer than 10 or "
        "some were made more often, else bootstrapped",
        f"{table_of('overall', measure)}.csv",
        part.sort_values("mean", ascending=False, kind="stable"),
        [SELECTION],
        [
            count("settings", "blocks"),
            number("mean area", "mean", ".3f"),
            interval("95 % interval", "low", "high", ".3f"),
            text("missing settings", "left_out", optional=True),
        ],
    )
