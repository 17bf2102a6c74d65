"""Which strategy to use with so many labels a class: "I have ... | use | because"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.evidence.cells import CELL, MEASURES
from analysis.evidence.leaders import AUTO, cells_of, leaderboard, rivals
from analysis.evidence.markdown import QUERIES, table
from analysis.figures.text import NONE
from rayal.hints import counted

STAGES = (  # labels a class, from and below, and what they are called
    (0.0, 2.0, "fewer than two labels a class"),
    (2.0, 4.0, "two to four labels a class"),
    (4.0, math.inf, "four labels a class and more"),
)
ADAPTED = "random stratify"  # how the names of adapted random selection begin


def advice(cells: pd.DataFrame, query: str) -> pd.DataFrame:
    """Return, for each stage of labels a class, the rival that gains most AUC and lost no cell.

    Only rivals that were tested in every cell of the stage count, so that means are comparable and
    none rests on a single choice; a cell lost by either measure excludes, and so does it to have
    won none by AUC where another has. The columns are those of the leaderboard by AUC, and with
    `_accuracy` those by mean per-class accuracy; beside: the rows of the strategies that a reader
    compares it with; tested: the number of cells; some_won: whether any rival won one of them, by
    AUC. Where nobody is left, `strategy` is "", and
    beside has all that were tested in every cell.
    """
    rows = []
    for low, high, words in STAGES:
        complete = complete_board(cells, query, low, high)
        stage = rivals(_tested(cells, low, high), query, MEASURES[0])
        there: dict[str, Any] = {
            "stage": words,
            "per_class": low,
            "tested": tested_cells(cells, query, low, high),
            "some_won": bool((stage["verdict"] == "won").any()),
        }
        candidates = _candidates(complete)
        if len(candidates):
            used = candidates.iloc[0]
            compared = _compared(complete, str(used["strategy"]))
            rows.append({**there, **_record(used), "beside": compared})
        elif there["tested"]:
            rows.append({**there, "strategy": "", "beside": complete.to_dict("records")})
    return pd.DataFrame(rows)


def _record(row: pd.Series) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _candidates(complete: pd.DataFrame) -> pd.DataFrame:
    if complete.empty:
        return complete
    unbeaten = complete[(complete["lost"] == 0) & (complete["lost_accuracy"] == 0)]
    return unbeaten[unbeaten["won"] > 0] if (unbeaten["won"] > 0).any() else unbeaten


def tested_cells(cells: pd.DataFrame, query: str, low: float, high: float) -> int:
    """Count the cells with so many labels a class in which some rival was tested."""
    stage = _tested(cells, low, high)
    return max(len(rivals(stage, query, measure).drop_duplicates(CELL)) for measure in MEASURES)


def _tested(cells: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    inside = (cells["per_class"] >= low) & (cells["per_class"] < high) & cells["p"].notna()
    return cells[inside]


def complete_board(cells: pd.DataFrame, query: str, low: float, high: float) -> pd.DataFrame:
    """Return the leaderboards by both measures of those tested in every cell of a stage.

    The cells are all with so many labels a class in which some rival was tested. The columns are
    those of the leaderboard by AUC, and with `_accuracy` by mean per-class accuracy.
    """
    stage = _tested(cells, low, high)
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
    """Yield the table of a query, or that nothing was tested; nothing where nothing was asked."""
    uses = advice(cells, query)
    if uses.empty and rivals(cells, query, MEASURES[0]).empty:
        return
    yield f"## What to use: {QUERIES[query].lower()}"
    yield ""
    if uses.empty:
        yield (
            "Nothing is said: no cell has a test, which needs several seeds of a strategy and of "
            "random selection, and values that vary."
        )
        yield ""
        return
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
    beside = "; ".join(map(_other, row["beside"]))
    if not row["strategy"] and not beside:
        return NONE, f"no strategy was tested in all of the {_cells(row['tested'])}"
    if not row["strategy"]:
        return NONE, f"each strategy that was tested in all cells lost some of them: {beside}"
    if not row["won"]:
        who = "no strategy that was tested in all and lost none" if row["some_won"] else "nothing"
        text = f"{who} is shown to beat random in {_cells(row['cells'])}"
        return "any", text + (f"; others: {beside}" if row["some_won"] and beside else "")
    return (
        f"`{row['strategy']}`",
        f"{row['mean']:+.1f} points of AUC and {row['mean_accuracy']:+.1f} of per-class accuracy "
        f"on average over {_cells(row['cells'])}, {_verdicts(row)}; worst {row['worst']:+.1f} "
        f"({row['worst_cell']})" + (f". Beside it: {beside}" if beside else ""),
    )


def _cells(number: int) -> str:
    return counted(number, "cell")


def _other(row: Mapping[Any, Any]) -> str:
    gains = f"{row['mean']:+.1f} and {row['mean_accuracy']:+.1f}"
    return f"`{row['strategy']}` {gains}, {_verdicts(row)}"


def _verdicts(row: Mapping[Any, Any]) -> str:
    return f"{row['won']} won, {row['lost'] or 'none'} lost"
