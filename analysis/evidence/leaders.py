"""Cells -> a leaderboard, and how far the oracle beside it is a bar."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.evidence.cells import CELL, DIGITS, FIRST, MEASURES
from analysis.evidence.markdown import (
    IN_WORDS,
    SHORT,
    cells_in_words,
    ranged,
    table,
    telling_apart,
)
from analysis.figures.text import NONE
from analysis.study.wording import enumerated

AUTO, BEST_OF = "auto", "best_of"
PROPOSED = {  # by what the batches are proposed of which best_of keeps the best
    True: "random draws and k-means",
    False: "random draws, k-means, margin and BADGE",
}


def leaderboard(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    """Return a row for each rival with cells of a query and measure, the highest mean gain first.

    mean, low, high: of the gain over the strategy's cells, with the interval that the seeds leave
    for these very cells; it says nothing of other data. Cells of one dataset share seeds and
    trials, so that their errors are added; those of different datasets are independent.
    rank: mean over cells in which all were asked, random among them. share: of the summed gain of
    the oracle `best_of`, over cells that have it. seconds, most_seconds: of a query, median and
    largest over cells.
    """
    own = rivals(cells, query, measure)
    ranks, bars, names = _ranks(own), bars_of(cells, query, measure), list(telling_apart(own))
    rows = [
        {"strategy": strategy, **_summary(part, names), "rank": ranks.get(str(strategy), math.nan),
         "share": _share(part, bars)}
        for strategy, part in own.groupby("strategy", sort=False)
    ]  # fmt: skip
    board = pd.DataFrame(rows)
    if board.empty:
        return board
    return board.sort_values("mean", ascending=False, kind="stable").reset_index(drop=True)


def rivals(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    """Return the cells of a query and measure, without those of oracles."""
    return cells[_asked(cells, query, measure) & ~cells["oracle"].astype(bool)]


def oracles(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    """Return the oracles' cells of a query and measure."""
    return cells[_asked(cells, query, measure) & cells["oracle"].astype(bool)]


def cells_of(cells: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """Return the cells of a strategy, also where it shares them with others that chose the same."""
    names = cells["strategy"].drop_duplicates()
    own = {name for name in names if strategy in str(name).split(" / ")}
    return cells[cells["strategy"].isin(own)]


def bars_of(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    """Return the cells of the oracle `best_of`, whatever its parameters.

    Of several variants in a cell the one with its defaults counts, or else the first.
    """
    every = oracles(cells, query, measure)
    own = every[every["strategy"].astype(str).str.split().str[0] == BEST_OF]
    by_default = own.sort_values("strategy", key=lambda names: names != BEST_OF, kind="stable")
    return own.loc[by_default.drop_duplicates(CELL).index.sort_values()]


def with_choices(strategy: str, choices: int) -> str:
    """Name a strategy, and say where it has a single choice in a cell."""
    return f"`{strategy}`" + (" (one choice a cell)" if choices == 1 else "")


def _asked(cells: pd.DataFrame, query: str, measure: str) -> pd.Series[bool]:
    return (cells["query"] == query) & (cells["measure"] == measure)


def _summary(own: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Mean gain with its interval, wins and losses, the worst and the best cell of one strategy."""
    mean = float(own["gain"].mean())
    widths = (own["high"] - own["low"]) / 2
    by_data = widths.groupby(own["dataset"]).sum()
    half = math.hypot(*by_data) / len(own) if widths.notna().all() else math.nan
    gains = own["gain"].to_numpy()
    worst, best = (own.iloc[[int(at)]] for at in (gains.argmin(), gains.argmax()))
    return {
        "cells": len(own),
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "won": int((own["verdict"] == "won").sum()),
        "lost": int((own["verdict"] == "lost").sum()),
        "worst": float(gains.min()),
        "worst_cell": cells_in_words(worst, names),
        "best": float(gains.max()),
        "best_cell": cells_in_words(best, names),
        "seconds": float(own["select_seconds"].median()),
        "most_seconds": float(own["select_seconds"].max()),
    }


def _ranks(own: pd.DataFrame) -> dict[str, float]:
    """Return the mean rank of each strategy over the cells in which all were asked; random is 0."""
    ranks = _gains_of_all(own).assign(random=0.0).rank(axis=1, ascending=False).mean()
    return {str(name): float(rank) for name, rank in ranks.items()}


def _gains_of_all(own: pd.DataFrame) -> pd.DataFrame:
    """Return the gains by cell (rows) and strategy (columns), of cells in which all were asked."""
    return own.set_index([*CELL, "strategy"])["gain"].unstack("strategy").dropna(how="any")


def _share(own: pd.DataFrame, bars: pd.DataFrame) -> float:
    both = own.merge(bars[[*CELL, "gain"]], on=CELL, suffixes=("", "_oracle"))
    oracle_gain = float(both["gain_oracle"].sum())
    return float(both["gain"].sum()) / oracle_gain if oracle_gain > 0 else math.nan


def boards(cells: pd.DataFrame, query: str) -> Iterator[str]:
    """Yield the leaderboards of a query, and what their shares of the oracle's gain rest on."""
    for measure in MEASURES:
        board = leaderboard(cells, query, measure)
        if board.empty:
            continue
        yield f"By {IN_WORDS[measure]}{_own_cells(rivals(cells, query, measure))}:"
        yield ""
        heads = ("strategy", "cells", "mean gain", "95 % interval", "won", "lost", "worst cell",
                 "best cell", "mean rank", "share of the oracle's gain",
                 "seconds a query: median (most)")  # fmt: skip
        yield from table(heads, [_row(row) for row in board.to_dict("records")])
    yield from _bar(cells, query)


def _own_cells(own: pd.DataFrame) -> str:
    """Say over which cells means and ranks are, where strategies were asked in different ones."""
    common, every = len(_gains_of_all(own)), len(own.drop_duplicates(CELL))
    if common == every:
        return ""
    ranks = (
        f"ranks over the {common} of {every} cells in which all were"
        if common
        else ("no cell has all of them, and so there are no ranks")
    )
    return f" (means are over the cells in which each strategy was asked; {ranks})"


def _row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    interval = f"{row['low']:+.1f} to {row['high']:+.1f}" if math.isfinite(row["low"]) else NONE
    share = f"{100 * row['share']:.0f} %" if math.isfinite(row["share"]) else NONE
    rank = f"{row['rank']:.1f}" if math.isfinite(row["rank"]) else NONE
    ends = (f"{row[end]:+.1f}: {row[f'{end}_cell']}" for end in ("worst", "best"))
    seconds = f"{_seconds(row['seconds'])} ({_seconds(row['most_seconds'])})"
    return (f"`{row['strategy']}`", str(row["cells"]), f"{row['mean']:+.1f}", interval,
            str(row["won"]), str(row["lost"]), *ends, rank, share, seconds)  # fmt: skip


def _seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _bar(cells: pd.DataFrame, query: str) -> Iterator[str]:
    """Yield what `best_of` is, on how much the shares rest, and how often `auto` is ahead of it."""
    bars = bars_of(cells, query, MEASURES[0])
    if bars.empty:
        return
    names = enumerated(f"`{name}`" for name in dict.fromkeys(bars["strategy"]))
    asked = rivals(cells, query, MEASURES[0])[CELL].drop_duplicates()
    yield (
        f"The oracle {names} is a bar, not a bound: of many batches, proposed by "
        f"{PROPOSED[query == FIRST]}, the one with the best mean per-class accuracy on the test "
        f"set. Shares rest on the {len(bars)} of {len(asked)} cells that have it, each with "
        f"{ranged(bars['trials'])} seeds of it{_ahead(cells, query)}."
    )
    yield ""


def _ahead(cells: pd.DataFrame, query: str) -> str:
    counts = []
    for measure in MEASURES:
        own = cells_of(rivals(cells, query, measure), AUTO)
        bars = bars_of(cells, query, measure)
        both = own.merge(bars[[*CELL, "gain"]], on=CELL, suffixes=("", "_oracle"))
        ahead = int((both["gain"].round(DIGITS) > both["gain_oracle"].round(DIGITS)).sum())
        counts.append(f"in {ahead} by {SHORT[measure]}")
    if own.empty:
        return ""
    return f"; `{AUTO}` is ahead of it {' and '.join(counts)}"
