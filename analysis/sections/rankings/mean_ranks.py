"""Mean ranks of selections over blocks, and which of them differ (Demsar 2006)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.page.table import PageTable, count, number, page_table, text
from analysis.sections.base import competing
from analysis.sections.rankings.blocks import (
    SELECTION,
    RankedBlock,
    blocks_of,
    blocks_without,
    rows_of_each_mode,
    selections_of,
)
from analysis.statistics.intervals import mean
from analysis.statistics.ranking import compact_letters, ranking
from analysis.study.grouping import to_frame
from analysis.study.measures import IN_WORDS, PRIMARY, table_of
from analysis.study.study import Study

RANKS = [
    "shape", "way", "blocks", "mean_rank", "critical_difference", "p_friedman", "p", "alike",
    "left_out",
]  # fmt: skip


def ranks(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """Mean rank of every selection over blocks, with the critical difference (Demsar 2006).

    The tests are over datasets: blocks of one dataset share its images, and often the choices, so
    that they say the same several times. A study of one dataset has no test.

    Ranked is the mean area under the curve of a measure, or itself where there is one budget, over
    the budgets of a block that more than one selection has. Those that some block lacks cannot be
    ranked: `left_out` names the blocks. Strategies that read true labels do not compete.
    """
    rows = rows_of_each_mode(
        study, measure, lambda view: _rank_rows(list(blocks_of(competing(view, study), measure)))
    )
    return to_frame(rows, RANKS)


def _rank_rows(blocks: list[RankedBlock]) -> Iterator[dict[str, Any]]:
    selections = selections_of(blocks)
    ranked = [name for name in selections if not blocks_without(name, blocks)]
    if ranked:
        result = ranking(
            [[mean(block.areas[name]) for name in ranked] for block in blocks],
            [block.dataset for block in blocks],
        )
        letters = compact_letters(result.ranks, result.critical_difference)
        for k in np.argsort(result.ranks, kind="stable"):
            place = {"way": ranked[k], "blocks": len(blocks), "mean_rank": result.ranks[k]}
            yield {**place, **result._asdict(), "alike": letters[k], "left_out": ""}
    for name in selections:
        if lacking := blocks_without(name, blocks):
            there = len(blocks) - len(lacking)
            yield {"way": name, "blocks": there, "left_out": "; ".join(lacking)}


def ranks_table(measure: str, part: pd.DataFrame) -> PageTable:
    """Return the mean ranks by a measure, with the test in the words above."""
    return page_table(
        f"Mean rank over settings by {IN_WORDS[measure]}, 1 is best{_test_in_words(part)}",
        f"{table_of('ranks', measure)}.csv",
        part,
        [SELECTION],
        [
            count("settings", "blocks"),
            number("mean rank", "mean_rank", ".2f"),
            text("group", "alike"),
            text("missing settings", "left_out", optional=True),
        ],
    )


def _test_in_words(part: pd.DataFrame) -> str:
    tested = part.dropna(subset=["critical_difference"])
    if tested.empty:
        return ""
    first = tested.iloc[0]
    return (
        f"; over datasets: critical difference {first['critical_difference']:.2f} (Nemenyi), "
        f"Iman and Davenport's p = {first['p']:.3f}; selections with a letter in common are not "
        "significantly different"
    )
