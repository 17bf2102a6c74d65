"""Strategies over all datasets of a study: mean ranks, mean areas, who beats whom how often.

A *way* to choose is a strategy in a single query, and an initial with a query strategy in cycles.
A *block* is a setting: one dataset, encoder and learner. Single queries and cycles are apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.bootstrap import stratified_interval
from analysis.statistics.intervals import Floats, mean
from analysis.statistics.learning_curves import aubc as area_under
from analysis.statistics.ranking import alike, contests, ranking
from analysis.study.study import Study
from analysis.tables import CYCLES, SETTING, as_labels, groups, shapes, table

RANKS = [
    "shape", "way", "blocks", "mean_rank", "critical_difference", "p_friedman", "p", "alike",
    "left_out",
]  # fmt: skip
WINS = ["shape", "way", "rival", "wins", "ties", "losses", "untested", "cells"]
OVERALL = ["shape", "way", "blocks", "metric", "mean", "low", "high", "left_out"]


class _Block(NamedTuple):
    """A setting with the trials of every way that has all of its budgets."""

    name: str
    curves: dict[
        str, np.ndarray
    ]  # of a way: its seeds' areas under the curve, or AUC at one budget


def ranks(study: Study) -> pd.DataFrame:
    """Mean rank of every way over blocks, with the critical difference (Demsar 2006).

    Ranked is the mean area under the AUC curve, or the AUC where there is one budget. Ways that
    some block lacks cannot be ranked: `left_out` names the blocks.
    """
    rows = (
        {"shape": shape, **row}
        for shape, view in _by_shape(study)
        for row in _rank_rows(list(_blocks(view)))
    )
    return table(rows, RANKS)


def overall(study: Study) -> pd.DataFrame:
    """Mean over blocks of each way's area under the AUC curve, resampled within each block."""
    rows = (
        {"shape": shape, **row}
        for shape, view in _by_shape(study)
        for row in _overall_rows(list(_blocks(view)))
    )
    return table(rows, OVERALL)


def win_tie_loss(study: Study) -> pd.DataFrame:
    """In how many cells (block x labelled images) a way is better than its rival on shared seeds.

    wins: cells in which the way of the row has the higher AUC, by Student's paired test with
    Holm's correction over all pairs in the cell; losses: in which its rival has. `untested`:
    cells without two shared seeds.
    """
    rows = ({"shape": shape, **row} for shape, view in _by_shape(study) for row in _win_rows(view))
    return table(rows, WINS)


def _by_shape(study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    view = as_labels(study.rounds).dropna(subset=["auc"])
    shape = shapes(view)
    for name in shape.unique():
        part = view[shape == name]
        pair = part["initial"] + ", then " + part["strategy"]
        yield name, part.assign(way=pair if name == CYCLES else part["strategy"])


def _blocks(view: pd.DataFrame) -> Iterator[_Block]:
    for key, part in groups(view, SETTING):
        curves = part.pivot_table(
            index=["way", "seed"], columns="labelled", values="auc", sort=False
        )
        whole = curves.dropna().sort_index(axis=1)
        areas = pd.Series(_areas(whole.columns.to_numpy(), whole.to_numpy()), whole.index)
        ways = {str(w): found.to_numpy(np.float64) for w, found in areas.groupby("way", sort=False)}
        yield _Block(", ".join(map(str, key.values())), ways)


def _areas(budgets: Floats, curves: Floats) -> Floats:
    """Area under each curve (n, K) over all budgets; the AUC itself where there is one."""
    if len(budgets) == 1:
        return curves[:, 0]
    return np.array([area_under(budgets, curve) for curve in curves], np.float64)


def _rank_rows(blocks: list[_Block]) -> Iterator[dict[str, Any]]:
    ways = _ways(blocks)
    ranked = [way for way in ways if not _lacking(way, blocks)]
    if ranked:
        found = ranking([[mean(block.curves[way]) for way in ranked] for block in blocks])
        shared = alike(found.ranks, found.critical_difference)
        for k in np.argsort(found.ranks, kind="stable"):
            test = found._asdict()
            place = {"way": ranked[k], "blocks": len(blocks), "mean_rank": found.ranks[k]}
            yield {**place, **test, "alike": shared[k], "left_out": ""}
    for way in ways:
        if lacking := _lacking(way, blocks):
            yield {"way": way, "blocks": len(blocks) - len(lacking), "left_out": "; ".join(lacking)}


def _overall_rows(blocks: list[_Block]) -> Iterator[dict[str, Any]]:
    for way in _ways(blocks):
        lacking = _lacking(way, blocks)
        strata = [block.curves[way] for block in blocks if way in block.curves]
        low, high = stratified_interval(strata)
        average = mean([mean(values) for values in strata])
        interval = {"mean": average, "low": low, "high": high, "metric": "aubc"}
        yield {"way": way, "blocks": len(strata), **interval, "left_out": "; ".join(lacking)}


def _win_rows(view: pd.DataFrame) -> Iterator[dict[str, Any]]:
    ways = list(dict.fromkeys(view["way"]))
    cells = [
        cell.pivot_table(index="seed", columns="way", values="auc")
        .reindex(columns=ways).to_numpy(np.float64)
        for _, cell in groups(view, [*SETTING, "rounds", "round", "labelled"])
    ]  # fmt: skip
    found = contests(cells)
    for i, way in enumerate(ways):
        for j, rival in enumerate(ways):
            if i != j:
                counts = {name: int(matrix[i, j]) for name, matrix in found._asdict().items()}
                yield {"way": way, "rival": rival, **counts, "cells": len(cells)}


def _ways(blocks: list[_Block]) -> list[str]:
    return list(dict.fromkeys(way for block in blocks for way in block.curves))


def _lacking(way: str, blocks: list[_Block]) -> list[str]:
    return [block.name for block in blocks if way not in block.curves]
