"""The blocks that selections are ranked over: settings with the trials of each selection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.page.table import PageTable, under_modes
from analysis.statistics.intervals import Floats
from analysis.statistics.learning_curves import aubc as area_under
from analysis.study.grouping import CYCLES, SETTING, groups, query_modes
from analysis.study.study import Study

SELECTION = "selection"


class RankedBlock(NamedTuple):
    """A setting with the trials of every selection that has all budgets that several have.

    dataset: that it is of; tests count datasets, since settings of one share its images.
    areas: of a selection, its seeds' areas under the curve, or values at one budget, (seeds,).
    choices: what each of these seeds chose, (seeds,).
    """

    name: str
    dataset: str
    areas: dict[str, Floats]
    choices: dict[str, npt.NDArray[Any]]


def blocks_of(view: pd.DataFrame, measure: str) -> Iterator[RankedBlock]:
    """Yield the blocks of rounds that name their `selection`, as `rows_of_each_mode` gives them."""
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
        yield RankedBlock(
            ", ".join(map(str, key.values())),
            str(key["dataset"]),
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


def rows_of_each_mode(
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


def selections_of(blocks: list[RankedBlock]) -> list[str]:
    """Return the selections that some block has, in the order of the blocks."""
    return list(dict.fromkeys(name for block in blocks for name in block.areas))


def blocks_without(selection: str, blocks: list[RankedBlock]) -> list[str]:
    """Return the names of the blocks in which a selection was not measured."""
    return [block.name for block in blocks if selection not in block.areas]


def tables_by_mode(
    result: pd.DataFrame, show: Callable[[pd.DataFrame], PageTable]
) -> list[PageTable]:
    """Return the tables of the page, one for each query mode of a table's rows."""
    named = result.rename(columns={"way": SELECTION})
    return under_modes([(str(key["shape"]), show(part)) for key, part in groups(named, ["shape"])])
