"""Values printed in the four papers, as data: tables.yaml describes the tables and the columns."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import pandas as pd
import yaml

FOLDER = files("analysis.sections.papers")


class PrintedTable(NamedTuple):
    """A table of a paper: what it is called, how its numbers read, and what was run for it.

    factor: of a number in print to the same in the records (100 where per cent are printed).
    any_learner: cells of other learners stand beside the printed ones, and say so.
    note: what to know of the printed numbers; "" for nothing.
    """

    name: str
    title: str
    paper: str
    factor: float
    any_learner: bool
    recipe: str
    note: str
    sweeps: frozenset[str]
    elsewhere: bool
    cells: pd.DataFrame


@cache
def printed_tables() -> dict[str, PrintedTable]:
    """Read every table of the papers, by name."""
    about = yaml.safe_load(FOLDER.joinpath("tables.yaml").read_text(encoding="utf-8"))
    cells = pd.concat([_cells(paper) for paper in about["papers"]], ignore_index=True)
    return {
        name: _table(name, entry, about["papers"], cells[cells["table"] == name])
        for name, entry in about["tables"].items()
    }


def _cells(paper: str) -> pd.DataFrame:
    """Cells of a paper's tables; text is as written, and a number that is not there is NaN."""
    with FOLDER.joinpath("data", f"{paper}.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    for name in ("round", "mean", "std", "seeds"):
        table[name] = pd.to_numeric(table[name])
    return table


def _table(
    name: str, entry: dict[str, Any], papers: dict[str, str], cells: pd.DataFrame
) -> PrintedTable:
    return PrintedTable(
        name=name,
        title=entry["title"],
        paper=papers[name.split("_")[0]],
        factor=100.0 if entry["unit"] == "percent" else 1.0,
        any_learner=entry.get("any_learner", False),
        recipe=entry["recipe"],
        note=entry.get("note", ""),
        sweeps=frozenset(entry["sweeps"]),
        elsewhere=entry.get("elsewhere", True),
        cells=cells.reset_index(drop=True),
    )
