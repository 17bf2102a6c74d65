"""Cells -> who leads: a leaderboard, and which strategy to use with so many labels a class."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from analysis.evidence.cells import KEYS

CELL = ["query", *KEYS]
STAGES = (  # labels a class, from and below, and what they are called
    (0.0, 2.0, "fewer than two labels a class"),
    (2.0, 4.0, "two to four labels a class"),
    (4.0, math.inf, "four labels a class and more"),
)
Z = 1.96  # half-width of a normal interval in standard errors


def leaderboard(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    """Return a row for each rival with cells of a query and measure, the highest mean gain first.

    mean, low, high: of the gain over the strategy's cells, with the interval that the seeds leave
    for these very cells; it says nothing of other data. rank: mean over cells in which all were
    asked, random among them. share: of the oracle's summed gain, over cells that have an oracle.
    """
    rivals = _of(cells, query, measure)
    bars = cells[cells["oracle"] & (cells["query"] == query) & (cells["measure"] == measure)]
    ranks = _ranks(rivals)
    rows = [
        {"strategy": strategy, **_summary(own), "rank": ranks.get(str(strategy), math.nan),
         "share": _share(own, bars)}
        for strategy, own in rivals.groupby("strategy", sort=False)
    ]  # fmt: skip
    board = pd.DataFrame(rows)
    if board.empty:
        return board
    return board.sort_values("mean", ascending=False, kind="stable").reset_index(drop=True)


def advice(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    """Return, for each stage of labels a class, the rival that gains most and lost no cell.

    Only rivals that were tested in every cell of the stage count, so that means are comparable and
    none rests on a single choice.
    """
    rows = []
    for low, high, words in STAGES:
        inside = _of(cells, query, measure)
        inside = inside[(inside["per_class"] >= low) & (inside["per_class"] < high)]
        inside = inside[inside["p"].notna()]
        board = leaderboard(inside, query, measure)
        if board.empty:
            continue
        candidates = board[(board["cells"] == board["cells"].max()) & (board["lost"] == 0)]
        if len(candidates):
            rows.append({"stage": words, "per_class": low, **candidates.iloc[0].to_dict()})
    return pd.DataFrame(rows)


def _of(cells: pd.DataFrame, query: str, measure: str) -> pd.DataFrame:
    kept = (cells["query"] == query) & (cells["measure"] == measure) & ~cells["oracle"].astype(bool)
    return cells[kept]


def _summary(own: pd.DataFrame) -> dict[str, Any]:
    """Mean gain with its interval, wins and losses, and the worst cell of one strategy."""
    mean = float(own["gain"].mean())
    errors = (own["high"] - own["low"]) / (2 * Z)
    half = Z * math.sqrt(float((errors**2).sum())) / len(own) if errors.notna().all() else math.nan
    worst = own.iloc[int(own["gain"].to_numpy().argmin())]
    return {
        "cells": len(own),
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "won": int((own["verdict"] == "won").sum()),
        "lost": int((own["verdict"] == "lost").sum()),
        "worst": float(worst["gain"]),
        "worst_cell": f"{worst['dataset']}, {worst['encoder']}, {worst['labelled']} labels",
        "seconds": float(own["select_seconds"].median()),
    }


def _ranks(rivals: pd.DataFrame) -> dict[str, float]:
    """Return the mean rank of each strategy over the cells in which all were asked; random is 0."""
    if rivals.empty:
        return {}
    table = rivals.pivot_table(index=CELL, columns="strategy", values="gain", dropna=False)
    table = table.dropna(how="any").assign(random=0.0)
    ranks = table.rank(axis=1, ascending=False).mean()
    return {str(name): float(rank) for name, rank in ranks.items()}


def _share(own: pd.DataFrame, bars: pd.DataFrame) -> float:
    both = own.merge(bars[[*CELL, "gain"]], on=CELL, suffixes=("", "_oracle"))
    oracle_gain = float(both["gain_oracle"].sum())
    return float(both["gain"].sum()) / oracle_gain if oracle_gain > 0 else math.nan
