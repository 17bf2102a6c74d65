"""`auto` against every other strategy, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.evidence.cells import CELL, DIGITS, MEASURES
from analysis.evidence.leaders import AUTO, cells_of, rivals, with_choices
from analysis.evidence.markdown import QUERIES, SHORT, table
from analysis.evidence.not_covered import DEVELOPED_ON


def against(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    """Return a row for each other strategy, the one that `auto` is least ahead of first.

    cells: in which both were asked. mean: of auto's gain less the other's, in points. ahead, equal,
    behind: cells by that difference, rounded to DIGITS. by_encoder: its means. choices:
    of the other strategy, the most in a cell.
    """
    every = rivals(cells, query, measure)
    own = cells_of(every, AUTO)
    rows = []
    for strategy, other in every.drop(own.index).groupby("strategy", sort=False):
        both = own.merge(other, on=CELL, suffixes=("", "_other"))
        if both.empty:
            continue
        gains = both["gain"].round(DIGITS), both["gain_other"].round(DIGITS)
        both["lead"] = (gains[0] - gains[1]).round(DIGITS)
        rows.append({
            "strategy": str(strategy),
            "cells": len(both),
            "mean": float(both["lead"].mean()),
            "ahead": int((both["lead"] > 0).sum()),
            "equal": int((both["lead"] == 0).sum()),
            "behind": int((both["lead"] < 0).sum()),
            "by_encoder": both.groupby("encoder", sort=False)["lead"].mean().to_dict(),
            "choices": int(other["choices"].max()),
        })  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame if frame.empty else frame.sort_values("mean", kind="stable", ignore_index=True)


def auto_against_others(cells: pd.DataFrame) -> Iterator[str]:
    """Yield a paragraph and a table for each query; none where `auto` was not asked."""
    boards = {
        query: {measure: against(cells, query, measure) for measure in MEASURES}
        for query in QUERIES
    }
    boards = {query: by for query, by in boards.items() if not by[MEASURES[0]].empty}
    if not boards:
        return
    yield f"## `{AUTO}` against every other strategy"
    yield ""
    yield (
        "Its gain less the other's in the same cells, in points, on average over these; in how "
        f"many it is ahead, equal (to {DIGITS} digits) and behind. No single difference is tested."
    )
    yield ""
    known = DEVELOPED_ON.issuperset(cells["dataset"])
    explained = "; `docs/decisions.md` says more of it" if known else ""
    for query, by_measure in boards.items():
        sentences = (
            _in_words(board, SHORT[measure], explained) for measure, board in by_measure.items()
        )
        yield f"{QUERIES[query]}. {' '.join(sentences)}"
        yield ""
        yield from _table(by_measure)


def _in_words(board: pd.DataFrame, measure: str, explained: str) -> str:
    """Say whom `auto` is behind, and where that is explained, or who is nearest behind it."""
    behind = board[board["mean"] < 0].to_dict("records")
    if not behind:
        nearest = board.to_dict("records")[0]
        return (
            f"By {measure} `{AUTO}` is behind no other on average; nearest is "
            f"`{nearest['strategy']}`, at {nearest['mean']:+.2f} ({_encoders(nearest)})."
        )
    named = "; ".join(
        f"`{row['strategy']}`, {row['mean']:+.2f} ({_encoders(row)})" for row in behind
    )
    return f"By {measure} `{AUTO}` is **behind** {named}{explained}."


def _encoders(row: Mapping[Any, Any]) -> str:
    return ", ".join(f"{encoder} {lead:+.2f}" for encoder, lead in row["by_encoder"].items())


def _table(by_measure: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    first, second = by_measure.values()
    both = first.merge(second, on=["strategy", "cells"], suffixes=("", "_second"))
    rows = [
        (
            with_choices(row["strategy"], row["choices"]),
            str(row["cells"]),
            *_counts(row, ""),
            *_counts(row, "_second"),
        )
        for row in both.to_dict("records")
    ]
    heads = (part for name in map(SHORT.get, by_measure)
             for part in (f"{name}: mean", "ahead / equal / behind"))  # fmt: skip
    yield from table(("other strategy", "cells", *heads), rows)


def _counts(row: Mapping[Any, Any], of: str) -> tuple[str, str]:
    counts = " / ".join(str(row[f"{word}{of}"]) for word in ("ahead", "equal", "behind"))
    return f"{row[f'mean{of}']:+.2f}", counts
