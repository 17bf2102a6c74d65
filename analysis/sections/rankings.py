"""Selections over all settings of a study: mean ranks, mean areas, who beats whom how often.

A *selection* is a strategy in a single query, and an initial with a query strategy in cycles. A
*block* is a setting: one dataset, encoder and learner. Single queries and cycles are apart. (The
columns of the tables go by older names: `way` is the selection, `rival` its opponent, `shape` the
query mode, `alike` the letters of the compact display.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.page.blocks import Block
from analysis.page.table import (
    EMPTY,
    Column,
    PageCell,
    PageTable,
    Row,
    count,
    interval,
    number,
    page_table,
    text,
    under_modes,
)
from analysis.sections.base import Report, Tables, competing, folded, section
from analysis.statistics.bootstrap import stratified_by_choice
from analysis.statistics.intervals import Floats, mean
from analysis.statistics.learning_curves import aubc as area_under
from analysis.statistics.ranking import compact_letters, ranking, win_counts
from analysis.study.grouping import (
    CYCLES,
    SETTING,
    groups,
    query_modes,
    to_frame,
)
from analysis.study.measures import IN_WORDS, PRIMARY, in_order, table_of
from analysis.study.study import Study

RANKS = [
    "shape", "way", "blocks", "mean_rank", "critical_difference", "p_friedman", "p", "alike",
    "left_out",
]  # fmt: skip
WINS = ["shape", "way", "rival", "wins", "ties", "losses", "untested", "cells"]
OVERALL = ["shape", "way", "blocks", "metric", "mean", "low", "high", "left_out"]
OUTCOMES = ("wins", "ties", "losses", "untested")
AREAS = {PRIMARY: "aubc"}  # what tables call the area under the curve of a measure
MOST_OPPONENTS = 10  # beside one another; of more, a row's sum over them
SELECTION = "selection"


class _Block(NamedTuple):
    """A setting with the trials of every selection that has all budgets that several have.

    areas: of a selection, its seeds' areas under the curve, or values at one budget, (seeds,).
    choices: what each of these seeds chose, (seeds,).
    """

    name: str
    areas: dict[str, Floats]
    choices: dict[str, npt.NDArray[Any]]


def tables(study: Study, _earlier: Tables) -> Tables:
    """Ranks, mean areas, and wins of each against each."""
    by_name = {"ranks": ranks, "overall": overall, "win_tie_loss": win_tie_loss}
    return {
        table_of(name, measure): make(study, measure)
        for measure in study.measures
        for name, make in by_name.items()
    }


def ranks(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """Mean rank of every selection over blocks, with the critical difference (Demsar 2006).

    Ranked is the mean area under the curve of a measure, or itself where there is one budget, over
    the budgets of a block that more than one selection has. Those that some block lacks cannot be
    ranked: `left_out` names the blocks. Strategies that read true labels do not compete.
    """
    rows = _of_each_mode(
        study, measure, lambda view: _rank_rows(list(_blocks(competing(view, study), measure)))
    )
    return to_frame(rows, RANKS)


def overall(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """Mean over blocks of each selection's area under the curve, over the budgets as for ranks.

    The interval is over distinct choices within each block, resampled where all have 10 and more,
    made equally often.
    """
    metric = AREAS.get(measure, f"{measure}_aubc")

    def rows_of(view: pd.DataFrame) -> Iterator[dict[str, Any]]:
        return _overall_rows(list(_blocks(view, measure)), metric)

    return to_frame(_of_each_mode(study, measure, rows_of), OVERALL)


def win_tie_loss(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """In how many cells (block x labeled images) a selection beats another on shared seeds.

    wins: cells in which the selection of the row has the higher value, by Student's paired test
    with Holm's correction over all pairs in the cell; losses: in which its opponent has.
    `untested`: cells without two shared seeds. Selections with the same first query are one there,
    and tie. Strategies that read true labels do not compete.
    """
    rows = _of_each_mode(study, measure, lambda view: _win_rows(competing(view, study), measure))
    return to_frame(rows, WINS)


@section("overall", title="Overall", heading="Over all settings", order=60, tables=tables)
def content(report: Report) -> Iterator[Block]:
    """Mean areas, ranks, and wins, where there is more than one selection."""
    primary, *others = in_order(report.study.measure, report.study.measures)
    yield from _by(report, primary)
    for measure in others:
        yield from folded(f"By {IN_WORDS[measure]}", list(_by(report, measure)))


def _by(report: Report, measure: str) -> Iterator[PageTable]:
    """Yield mean areas, ranks and wins by one measure, where there is more than one selection."""
    of_all, of_ranks, of_wins = (
        report.tables[table_of(name, measure)] for name in ("overall", "ranks", "win_tie_loss")
    )
    means = _tables_by_mode(of_all, partial(_overall_table, measure))
    if any(len(table.rows) > 1 for table in means):
        several = of_ranks.groupby("shape")["blocks"].transform("max") > 1
        yield from means
        yield from _tables_by_mode(of_ranks[several], partial(_ranks_table, measure))
        yield from _tables_by_mode(of_wins, partial(_wins_table, measure))


def _of_each_mode(
    study: Study, measure: str, rows_of: Callable[[pd.DataFrame], Iterator[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield rows of single queries and of cycles, each from its rounds with their selection."""
    view = study.compared_rounds.dropna(subset=[measure])
    modes = query_modes(view)
    for mode in modes.unique():
        part = view[modes == mode]
        pair = study.selection(part["initial"], part["strategy"])
        named = part.assign(selection=pair if mode == CYCLES else part["strategy"])
        yield from ({"shape": mode, **row} for row in rows_of(named))


def _blocks(view: pd.DataFrame, measure: str) -> Iterator[_Block]:
    for key, every in groups(view, SETTING):
        part = _of_several(every)
        curves = part.pivot_table(
            index=["selection", "seed"], columns="labelled", values=measure, sort=False
        )
        complete = curves.dropna().sort_index(axis=1)
        areas = pd.Series(_areas(complete.columns.to_numpy(), complete.to_numpy()), complete.index)
        by_selection = areas.groupby("selection", sort=False)
        ordered = part.sort_values("labelled").groupby(["selection", "seed"])["choice"]
        chosen = ordered.agg("/".join)
        yield _Block(
            ", ".join(map(str, key.values())),
            {str(name): np.asarray(values, np.float64) for name, values in by_selection},
            {str(name): chosen.loc[values.index].to_numpy() for name, values in by_selection},
        )


def _of_several(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out budgets of one selection alone, as full labels are: no other has its curve."""
    asked = rows.groupby("labelled")["selection"].transform("nunique")
    return rows[asked > 1] if (asked > 1).any() else rows


def _areas(budgets: Floats, curves: Floats) -> Floats:
    """Area under each curve (n, K) over all budgets; the value itself where there is one."""
    if len(budgets) == 1:
        return curves[:, 0]
    return np.array([area_under(budgets, curve) for curve in curves], np.float64)


def _rank_rows(blocks: list[_Block]) -> Iterator[dict[str, Any]]:
    selections = _selections(blocks)
    ranked = [name for name in selections if not _lacking(name, blocks)]
    if ranked:
        result = ranking([[mean(block.areas[name]) for name in ranked] for block in blocks])
        letters = compact_letters(result.ranks, result.critical_difference)
        for k in np.argsort(result.ranks, kind="stable"):
            place = {"way": ranked[k], "blocks": len(blocks), "mean_rank": result.ranks[k]}
            yield {**place, **result._asdict(), "alike": letters[k], "left_out": ""}
    for name in selections:
        if lacking := _lacking(name, blocks):
            there = len(blocks) - len(lacking)
            yield {"way": name, "blocks": there, "left_out": "; ".join(lacking)}


def _overall_rows(blocks: list[_Block], metric: str) -> Iterator[dict[str, Any]]:
    for name in _selections(blocks):
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
            "left_out": "; ".join(_lacking(name, blocks)),
        }


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


def _selections(blocks: list[_Block]) -> list[str]:
    return list(dict.fromkeys(name for block in blocks for name in block.areas))


def _lacking(selection: str, blocks: list[_Block]) -> list[str]:
    return [block.name for block in blocks if selection not in block.areas]


def _tables_by_mode(
    result: pd.DataFrame, show: Callable[[pd.DataFrame], PageTable]
) -> list[PageTable]:
    named = result.rename(columns={"way": SELECTION})
    return under_modes([(str(key["shape"]), show(part)) for key, part in groups(named, ["shape"])])


def _overall_table(measure: str, part: pd.DataFrame) -> PageTable:
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


def _ranks_table(measure: str, part: pd.DataFrame) -> PageTable:
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
        f"; critical difference {first['critical_difference']:.2f} (Nemenyi), Iman and "
        f"Davenport's p = {first['p']:.3f}; selections with a letter in common are not "
        "significantly different"
    )


def _wins_table(measure: str, part: pd.DataFrame) -> PageTable:
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
