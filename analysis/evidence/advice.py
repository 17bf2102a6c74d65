"""Which strategy to use with so many labels a class: "I have ... | use | because"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.evidence.cells import MEASURES
from analysis.evidence.leaders import AUTO, CELL, cells_of, leaderboard, rivals
from analysis.evidence.markdown import QUERIES, table

STAGES = (  # labels a class, from and below, and what they are called
    (0.0, 2.0, "fewer than two labels a class"),
    (2.0, 4.0, "two to four labels a class"),
    (4.0, math.inf, "four labels a class and more"),
)
ADAPTED = "random stratify"  # how the names of adapted random selection begin


def advice(cells: pd.DataFrame, query: str) -> pd.DataFrame:
    """Return, for each stage of labels a class, the rival that gains most AUC and lost no cell.

    Only rivals that were tested in every cell of the stage count, so that means are comparable and
    none rests on a single choice; a cell lost by either measure excludes. The columns are those of
    the leaderboard by AUC, and with `_accuracy` those by mean per-class accuracy; beside: the rows
    of the strategies that a reader compares it with.
    """
    rows = []
    for low, high, words in STAGES:
        complete = complete_board(cells, query, low, high)
        if complete.empty:
            continue
        candidates = complete[(complete["lost"] == 0) & (complete["lost_accuracy"] == 0)]
        if len(candidates):
            used = candidates.iloc[0]
            compared = _compared(complete, str(used["strategy"]))
            rows.append({"stage": words, "per_class": low, **used.to_dict(), "beside": compared})
    return pd.DataFrame(rows)


def complete_board(cells: pd.DataFrame, query: str, low: float, high: float) -> pd.DataFrame:
    """Return the leaderboards by both measures of those tested in every cell of a stage.

    The cells are all with so many labels a class in which some rival was tested. The columns are
    those of the leaderboard by AUC, and with `_accuracy` by mean per-class accuracy.
    """
    inside = (cells["per_class"] >= low) & (cells["per_class"] < high) & cells["p"].notna()
    stage = cells[inside]
    boards = [leaderboard(stage, query, measure) for measure in MEASURES]
    if any(board.empty for board in boards):
        return pd.DataFrame()
    both = boards[0].merge(boards[1], on="strategy", suffixes=("", "_accuracy"))
    there = [len(rivals(stage, query, measure).drop_duplicates(CELL)) for measure in MEASURES]
    of_all = (both["cells"] == there[0]) & (both["cells_accuracy"] == there[1])
    complete: pd.DataFrame = both[of_all]
    return complete


def _compared(board: pd.DataFrame, used: str) -> list[dict[Any, Any]]:
    """Return the rows of `auto`, the leader by accuracy and adapted random, without `used`."""
    names = board["strategy"].astype(str)
    wanted = (
        board.index.isin(cells_of(board, AUTO).index)
        | (board.index == board["mean_accuracy"].idxmax())
        | names.str.startswith(ADAPTED)
    )
    return board[wanted & (names != used)].to_dict("records")


def what_to_use(cells: pd.DataFrame, query: str) -> Iterator[str]:
    """Yield the table of a query."""
    uses = advice(cells, query)
    if uses.empty:
        return
    yield f"## What to use: {QUERIES[query].lower()}"
    yield ""
    yield (
        "Mean gains over all cells, whatever the features; cells won and lost, and the worst one, "
        "are by AUC. A strategy that lost a cell by either measure is not recommended."
        + _adapted(uses)
    )
    yield ""
    rows = [(row["stage"], *_use(row)) for row in uses.to_dict("records")]
    yield from table(("I have", "use", "because"), rows)


def _adapted(uses: pd.DataFrame) -> str:
    """Say what adapted random selection is, where it stands beside what is recommended."""
    named = {row["strategy"] for beside in uses["beside"] for row in beside}
    adapted = sorted(name for name in named if str(name).startswith(ADAPTED))
    if not adapted:
        return ""
    return (
        f" `{adapted[0]}` draws one image at random from each of as many clusters: its gain shows "
        "what spreading the images alone brings."
    )


def _use(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Say which strategy to use in a stage, and why."""
    if not row["won"]:
        return "any", f"nothing is shown to beat random in {row['cells']} cells"
    beside = "; ".join(
        f"`{other['strategy']}` {other['mean']:+.1f} and {other['mean_accuracy']:+.1f}, "
        f"{_verdicts(other)}"
        for other in row["beside"]
    )
    return (
        f"`{row['strategy']}`",
        f"{row['mean']:+.1f} points of AUC and {row['mean_accuracy']:+.1f} of per-class accuracy "
        f"on average over {row['cells']} cells, {_verdicts(row)}; worst {row['worst']:+.1f} "
        f"({row['worst_cell']})" + (f". Beside it: {beside}" if beside else ""),
    )


def _verdicts(row: Mapping[Any, Any]) -> str:
    return f"{row['won']} won, {row['lost'] or 'none'} lost"
