"""What to use with the features of each encoder: a mean over all encoders hides who wins where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.evidence.advice import STAGES, complete_board, tested_cells
from analysis.evidence.leaders import AUTO, cells_of
from analysis.evidence.markdown import QUERIES, table
from analysis.figures.text import NONE


def uses(cells: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each query, stage of labels a class and encoder.

    auto, other: the row of the leaderboard by AUC, with `_accuracy` by mean per-class accuracy, of
    `auto`, and of the other strategy that gains most AUC of those that lost no cell by either
    measure; None without one. Only strategies that were tested in every cell count. cells: how many
    there are.
    """
    return pd.DataFrame([
        {"query": query, "stage": words, "encoder": encoder, **found}
        for query in QUERIES
        for low, high, words in STAGES
        for encoder, part in cells.groupby("encoder", sort=False)
        if (found := _of_one(part, query, low, high))
    ])  # fmt: skip


def by_features(cells: pd.DataFrame) -> Iterator[str]:
    """Yield the section; nothing where there is one encoder."""
    rows = uses(cells)
    if rows.empty or rows["encoder"].nunique() < 2:
        return
    yield "## What to use, by the features"
    yield ""
    yield (
        "The same for each encoder, with its number of cells: the features decide whether "
        f"`{AUTO}` or another strategy is better. Gains are in AUC and in per-class accuracy. The "
        "other strategy is the one that gains most AUC of those that lost no cell by either "
        "measure. Only strategies that were tested in all of a row's cells count."
    )
    yield ""
    heads = ("I have", "features, cells", f"`{AUTO}`", "best other strategy")
    for query, part in rows.groupby("query", sort=False):
        yield f"{QUERIES[str(query)]}:"
        yield ""
        yield from table(heads, [_row(row) for row in part.to_dict("records")])


def _of_one(part: pd.DataFrame, query: str, low: float, high: float) -> dict[str, Any]:
    complete = complete_board(part, query, low, high)
    tested = tested_cells(part, query, low, high)
    if not tested:
        return {}
    if complete.empty:
        return {"cells": tested, "auto": None, "other": None}
    own = cells_of(complete, AUTO)
    others = complete.drop(own.index)
    others = others[(others["lost"] == 0) & (others["lost_accuracy"] == 0)]
    first = [rows.iloc[0].to_dict() if len(rows) else None for rows in (own, others)]
    return {"cells": tested, "auto": first[0], "other": first[1]}


def _row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    other = row["other"]
    return (
        row["stage"],
        f"{row['encoder']}, {row['cells']}",
        _gains(row["auto"]),
        f"`{other['strategy']}` {_gains(other)}" if other else NONE,
    )


def _gains(one: Mapping[Any, Any] | None) -> str:
    if one is None:
        return NONE
    counts = f"{one['won']} won" + (f", {one['lost']} lost" if one["lost"] else "")
    return f"{one['mean']:+.1f} and {one['mean_accuracy']:+.1f}, {counts}"
