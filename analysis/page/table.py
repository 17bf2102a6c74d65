"""Tables as the page shows them: of each cell the text to read, and what to sort by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import pandas as pd

from analysis.figures.text import MINUS, NONE, printable
from analysis.statistics.paired_tests import ALPHA
from analysis.study.grouping import CYCLES, SETTING, SINGLE, query_modes

MOST_ROWS = 300  # on the page; the CSV has all
Row = Mapping[Any, Any]


class PageCell(NamedTuple):
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


EMPTY = PageCell("", None)
MISSING = PageCell(NONE, None)


@dataclass(frozen=True)
class PageTable:
    """A table on the page. The first `names` columns name the row; `rows_left` are in the CSV.

    caption: what the table says. note: how to read it, in whole sentences.
    """

    form: ClassVar = "table"
    caption: str
    source: str
    header: list[str]
    rows: list[list[PageCell]]
    names: int
    rows_left: int = 0
    note: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Of each column, whether it holds numbers, by which it is aligned and sorted."""
        columns = zip(*self.rows, strict=True)
        return [not any(isinstance(cell.sort, str) for cell in column) for column in columns]


class Column(NamedTuple):
    """A column of a page's table: its heading, and the cell that it makes of a row.

    optional: left out where it has no text in any row.
    """

    header: str
    cell: Callable[[Row], PageCell]
    optional: bool = False


def page_table(
    caption: str, source: str, rows: pd.DataFrame, names: Sequence[str], columns: Sequence[Column]
) -> PageTable:
    """Show rows of a table under the columns that name them, and others.

    Args:
        caption: what the table says.
        source: the file that holds its numbers.
        rows: the table; the first MOST_ROWS are shown.
        names: columns of it that name a row.
        columns: what else is shown of a row.
    """
    every = [*map(_name_column, names), *columns]
    records = rows.to_dict("records")
    cells = [[column.cell(record) for record in records[:MOST_ROWS]] for column in every]
    kept = [
        (column, shown)
        for column, shown in zip(every, cells, strict=True)
        if not column.optional or any(cell.text for cell in shown)
    ]
    return PageTable(
        caption,
        source,
        [printable(column.header) for column, _ in kept],
        [list(row) for row in zip(*(shown for _, shown in kept), strict=True)],
        len(names),
        max(0, len(records) - MOST_ROWS),
    )


def name_columns(rows: pd.DataFrame, who: Iterable[str]) -> list[str]:
    """Columns that tell rows apart: those of the setting and of `who` that have several values."""
    settings = [name for name in SETTING if name in rows and rows[name].nunique() > 1]
    return [*settings, *(name for name in who if not _says_nothing(rows, name))]


def by_query_mode(rows: pd.DataFrame, show: Callable[[pd.DataFrame], PageTable]) -> list[PageTable]:
    """Show single queries and cycles apart; tables without a row are left out."""
    modes = query_modes(rows)
    parts = [(mode, rows[modes == mode]) for mode in (SINGLE, CYCLES) if (modes == mode).any()]
    return under_modes([(mode, show(part)) for mode, part in parts])


def under_modes(tables: Sequence[tuple[str, PageTable]]) -> list[PageTable]:
    """Put the query mode before the caption of each table, where there are several modes."""
    shown = [(mode, table) for mode, table in tables if table.rows]
    if len(tables) < 2:
        return [table for _, table in shown]
    return [
        replace(table, caption=f"{mode[0].upper()}{mode[1:]}: {table.caption}")
        for mode, table in shown
    ]


def text(header: str, name: str, *, optional: bool = False) -> Column:
    """A column of text."""
    return Column(header, lambda row: text_cell(row[name]), optional)


def count(header: str, name: str) -> Column:
    """A column of whole numbers."""
    return Column(header, lambda row: count_cell(row[name]))


def number(header: str, name: str, form: str, *, shown_by: str = "", times: float = 1) -> Column:
    """A column of numbers in a format.

    shown_by: column of the p below which a number stands out; times: to be multiplied by.
    """
    return Column(
        header, lambda row: number_cell(times * row[name], form, strong=_is_shown(row, shown_by))
    )


def interval(header: str, low: str, high: str, form: str, *, times: float = 1) -> Column:
    """A column of intervals; an end may be without bound."""
    return Column(header, lambda row: interval_cell(times * row[low], times * row[high], form))


def mean_std(header: str, mean: str, std: str, digits: int) -> Column:
    """A column of means with their standard deviations."""
    return Column(header, lambda row: mean_std_cell(row[mean], row[std], digits))


def p_value(header: str, name: str, *, strong: bool = False) -> Column:
    """A column of p values; those below .05 stand out where asked for."""
    return Column(header, lambda row: p_cell(row[name], strong=strong and row[name] < ALPHA))


def text_cell(value: object) -> PageCell:
    """A cell of text; an empty one where there is none."""
    content = "" if value is None or value != value else str(value)
    return PageCell(printable(content), content) if content else PageCell("", "")


def count_cell(value: float) -> PageCell:
    """A number without decimals."""
    return MISSING if math.isnan(value) else PageCell(f"{value:,.0f}", float(value))


def number_cell(value: float, form: str, *, strong: bool = False) -> PageCell:
    """A number in a format."""
    return MISSING if math.isnan(value) else PageCell(signed(value, form), float(value), strong)


def interval_cell(low: float, high: float, form: str) -> PageCell:
    """Two ends; either may be without bound."""
    if math.isnan(low):
        return MISSING
    if math.isinf(low):
        return PageCell("no ends" if math.isinf(high) else f"up to {signed(high, form)}", -math.inf)
    if math.isinf(high):
        return PageCell(f"from {signed(low, form)}", float(low))
    return PageCell(f"{signed(low, form)} to {signed(high, form)}", float(low))


def mean_std_cell(mean: float, std: float, digits: int, *, strong: bool = False) -> PageCell:
    """Mean and standard deviation."""
    if math.isnan(mean):
        return MISSING
    shown = signed(mean, f".{digits}f")
    spread = "" if math.isnan(std) else f" ± {std:.{digits}f}"
    return PageCell(shown + spread, float(mean), strong)


def p_cell(p: float, *, strong: bool = False) -> PageCell:
    """A p value."""
    if math.isnan(p):
        return MISSING
    return PageCell("< .001" if p < 0.001 else f"{p:.3f}", float(p), strong)


def signed(value: float, form: str) -> str:
    """A number with a true minus sign."""
    return f"{value:{form}}".replace("-", MINUS)


def _name_column(name: str) -> Column:
    return Column(name, lambda row: text_cell(row[name]))


def _says_nothing(rows: pd.DataFrame, name: str) -> bool:
    """Whether a column is the same as another, or has one value where several would count."""
    if name == "initial":
        return bool((rows["initial"] == rows["strategy"]).all())
    return name == "varied" and rows.loc[rows["varied"] != "", "varied"].nunique() < 2


def _is_shown(row: Row, p: str) -> bool:
    return bool(p) and row[p] < ALPHA
