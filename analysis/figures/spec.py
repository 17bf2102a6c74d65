"""A figure before it is drawn: its place, its words, and the function that draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from analysis.study.grouping import CYCLES, query_modes

PLACE = ["dataset", "encoder"]


class FigureSpec(NamedTuple):
    """What a figure is of, in which tables its numbers stand, and how it is drawn.

    kind: by which a section of the page asks for it; place: what its file is called after.
    alt: words for those who cannot see it; source: files of tables, with commas between them.
    """

    kind: str
    place: str
    title: str
    caption: str
    alt: str
    source: str
    draw: Callable[[], Figure]


class Subset(NamedTuple):
    """The rows of one dataset x encoder, and what to call them in file names and titles."""

    file: str
    words: str
    rows: pd.DataFrame


def subsets(table: pd.DataFrame) -> Iterator[Subset]:
    """Split a table by dataset x encoder, with single queries and cycles apart."""
    for (mode, dataset, encoder), part in table.groupby([query_modes(table), *PLACE], sort=False):
        suffix, words = ("-cycles", ", in cycles") if mode == CYCLES else ("", "")
        yield Subset(f"{dataset}-{encoder}{suffix}", f"{dataset}, {encoder}{words}", part)


def of_place(table: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Rows of a table of the same dataset and encoder as a row's."""
    same: pd.DataFrame = table[
        (table["dataset"] == row["dataset"]) & (table["encoder"] == row["encoder"])
    ]
    return same
