"""Cells and tables as the page shows them: the text to read, and what to sort by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.figures.text import visible
from analysis.tables import CYCLES, SETTING, SINGLE, shapes

MOST_ROWS = 300  # on the page; the CSV has all
NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
Row = Mapping[Any, Any]


class Cell(NamedTuple):
    """Text of a cell, what it sorts by (None: last, whatever the order), whether it stands out."""

    text: str
    sort: float | str | None
    strong: bool = False

    @property
    def key(self) -> str:
        """What it sorts by, as the page's script reads it."""
        if isinstance(self.sort, float) and math.isinf(self.sort):
            return "Infinity" if self.sort > 0 else "-Infinity"
        return "" if self.sort is None else str(self.sort)


MISSING = Cell(NONE, None)


class View(NamedTuple):
    """A table on the page. The first `names` columns name the row; `rows_left` are in the CSV."""

    caption: str
    source: str
    header: list[str]
    rows: list[list[Cell]]
    names: int
    rows_left: int = 0

    @property
    def numeric(self) -> list[bool]:
        """Of each column, whether it holds numbers: it stands to the right and sorts so."""
        columns = zip(*self.rows, strict=True)
        return [not any(isinstance(cell.sort, str) for cell in column) for column in columns]


def view_of(
    caption: str, source: str, header: list[str], rows: list[list[Cell]], names: Sequence[str]
) -> View:
    """Make a view of the first MOST_ROWS rows."""
    rest = max(0, len(rows) - MOST_ROWS)
    shown = [visible(name) for name in header]
    return View(caption, source, shown, rows[:MOST_ROWS], len(names), rest)


def by_shape(table: pd.DataFrame, view: Callable[[pd.DataFrame], View]) -> list[View]:
    """Show single queries and cycles apart; where both are there, the caption says which."""
    shape = shapes(table)
    parts = [(name, table[shape == name]) for name in (SINGLE, CYCLES) if (shape == name).any()]
    return apart([(name, view(part)) for name, part in parts])


def apart(named: list[tuple[str, View]]) -> list[View]:
    """Put the shape before the caption of each view, where there are several."""
    if len(named) < 2:
        return [view for _, view in named]
    return [
        view._replace(caption=f"{name[0].upper()}{name[1:]}: {view.caption}")
        for name, view in named
    ]


def naming(table: pd.DataFrame, who: list[str]) -> list[str]:
    """Columns that tell rows apart: settings and names that have more than one value."""
    several = [k for k in SETTING if k in table and table[k].nunique() > 1]
    if "initial" in who and (table["initial"] == table["strategy"]).all():
        who = [k for k in who if k != "initial"]
    if "varied" in who and table["varied"].nunique() < 2:
        who = [k for k in who if k != "varied"]
    return [*several, *who]


def name_cells(row: Row, names: Iterable[str]) -> Iterator[Cell]:
    """Cells of a row's names."""
    return (Cell(visible(row[name]), str(row[name])) for name in names)


def words(value: object) -> Cell:
    """A cell of text; MISSING where there is none."""
    text = "" if value is None or value != value else str(value)
    return Cell(visible(text), text) if text else Cell("", "")


def pair(mean: float, std: float, digits: int, *, strong: bool = False) -> Cell:
    """Mean and standard deviation."""
    if math.isnan(mean):
        return MISSING
    text = signed(mean, f".{digits}f")
    return Cell(text if math.isnan(std) else f"{text} ± {std:.{digits}f}", float(mean), strong)


def number(value: float, form: str, *, strong: bool = False) -> Cell:
    """A number in a format."""
    return MISSING if math.isnan(value) else Cell(signed(value, form), float(value), strong)


def whole(value: float) -> Cell:
    """A number without decimals."""
    return MISSING if math.isnan(value) else Cell(f"{value:,.0f}", float(value))


def interval(low: float, high: float, form: str) -> Cell:
    """Two ends; the low one may be without bound."""
    if math.isnan(low):
        return MISSING
    if math.isinf(low):
        return Cell(f"up to {signed(high, form)}", -math.inf)
    return Cell(f"{signed(low, form)} to {signed(high, form)}", float(low))


def probability(p: float, *, strong: bool = False) -> Cell:
    """A p value."""
    if math.isnan(p):
        return MISSING
    return Cell("< .001" if p < 0.001 else f"{p:.3f}", float(p), strong)


def signed(value: float, form: str) -> str:
    """A number with a true minus sign."""
    return f"{value:{form}}".replace("-", MINUS)
