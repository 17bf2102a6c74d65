"""In how many cells each selection beats each other one, by a paired test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.page.table import EMPTY, Column, PageCell, PageTable, Row, count, page_table
from analysis.sections.base import competing
from analysis.sections.rankings.blocks import SELECTION, rows_of_each_mode
from analysis.statistics.ranking import win_counts
from analysis.study.grouping import SETTING, groups, to_frame
from analysis.study.measures import IN_WORDS, PRIMARY, table_of
from analysis.study.study import Study

WINS = ["shape", "way", "rival", "wins", "ties", "losses", "untested", "cells"]
OUTCOMES = ("wins", "ties", "losses", "untested")
MOST_OPPONENTS = 10  # beside one another; of more, a row's sum over them


def win_tie_loss(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """In how many cells (block x labeled images) a selection beats another on shared seeds.

    wins: cells in which the selection of the row has the higher value, by Student's paired test
    with Holm's correction over all pairs in the cell; losses: in which its opponent has.
    `untested`: cells without two shared seeds. Selections with the same first query are one there,
    and tie. Strategies that read true labels do not compete.
    """
    rows = rows_of_each_mode(
        study, measure, lambda view: _win_rows(competing(view, study), measure)
    )
    return to_frame(rows, WINS)


def _win_rows(view: pd.DataFrame, measure: str) -> Iterator[dict[str, Any]]:
    names = list(dict.fromkeys(view["selection"]))
    parts = [part for _, part in groups(view, [*SETTING, "rounds", "round", "labelled"])]
    chosen = list(map(_chosen_by, parts))
    laid_out = [
        [by_seed(cell, list(cell["selection"].unique()), value) for cell in chosen]
        for value in (measure, "choice")
    ]
    result = win_counts(
        [values.to_numpy(np.float64) for values in laid_out[0]],
        [choices.to_numpy() for choices in laid_out[1]],
        [_places(part, cell, names) for part, cell in zip(parts, chosen, strict=True)],
    )
    for i, name in enumerate(names):
        for j, opponent in enumerate(names):
            if i != j:
                counts = {
                    outcome: int(matrix[i, j]) for outcome, matrix in result._asdict().items()
                }
                yield {"way": name, "rival": opponent, **counts, "cells": len(parts)}


def _chosen_by(part: pd.DataFrame) -> pd.DataFrame:
    """Name the rounds of a cell by who chose the images: at a first query the initial strategy."""
    return part.assign(selection=part["selection"].where(part["round"] > 0, part["initial"]))


def _places(part: pd.DataFrame, chosen: pd.DataFrame, names: list[str]) -> list[int]:
    """Say of each selection which column of its cell it is; -1 where it was not measured there."""
    columns = list(chosen["selection"].unique())
    of = dict(zip(part["selection"], chosen["selection"], strict=True))
    return [columns.index(of[name]) if name in of else -1 for name in names]


def by_seed(part: pd.DataFrame, names: list[str], value: str) -> pd.DataFrame:
    """Lay a column out by seed (rows) and selection (columns, those named)."""
    first = part.drop_duplicates(["seed", "selection"])
    return first.pivot(index="seed", columns="selection", values=value).reindex(columns=names)


def wins_table(measure: str, part: pd.DataFrame) -> PageTable:
    """Return wins, ties and losses by a measure, of each pair where there are few selections."""
    few = part[SELECTION].nunique() <= MOST_OPPONENTS
    return _matrix_table(measure, part) if few else _sums_table(measure, part)


def _matrix_table(measure: str, part: pd.DataFrame) -> PageTable:
    """Wins, ties and losses of the row's selection against each of the columns'."""
    selections = list(dict.fromkeys(part[SELECTION]))
    results = {(row[SELECTION], row["rival"]): row for row in part.to_dict("records")}

    def cell(opponent: str, row: Row) -> PageCell:
        return _result_cell(results.get((row[SELECTION], opponent)))

    return page_table(
        f"Wins, ties and losses by {IN_WORDS[measure]} of the selection in the row against "
        "that in the column, over cells (setting by labeled images): Student's paired test at .05, "
        "Holm's correction over all pairs of a cell",
        f"{table_of('win_tie_loss', measure)}.csv",
        pd.DataFrame({SELECTION: selections}),
        [SELECTION],
        [Column(opponent, partial(cell, opponent)) for opponent in selections],
    )


def _result_cell(row: Row | None) -> PageCell:
    if row is None:
        return EMPTY
    shown = f"{row['wins']} / {row['ties']} / {row['losses']}"
    untested = f" ({row['untested']} untested)" if row["untested"] else ""
    balance = float(row["wins"] - row["losses"])
    return PageCell(shown + untested, balance, strong=balance > 0)


def _sums_table(measure: str, part: pd.DataFrame) -> PageTable:
    return page_table(
        f"Wins, ties and losses by {IN_WORDS[measure]} over all opponents and cells (setting "
        "by labeled images): Student's paired test at .05, Holm's correction over all pairs of a "
        "cell",
        f"{table_of('win_tie_loss', measure)}.csv",
        part.groupby(SELECTION, sort=False)[list(OUTCOMES)].sum().reset_index(),
        [SELECTION],
        [count(outcome, outcome) for outcome in OUTCOMES],
    )
