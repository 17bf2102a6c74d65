"""A figure before it is drawn: its place, its words, and the function that draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from analysis.tables import CYCLES, shapes

PLACE = ["dataset", "encoder"]


class Draft(NamedTuple):
    """What a figure is of, in which table its numbers stand, and how it is drawn.

    kind: the section of the page that it belongs to; place: what its file is called after.
    alt: words for those who cannot see it.
    """

    kind: str
    place: str
    title: str
    caption: str
    alt: str
    source: str
    draw: Callable[[], Figure]


class Place(NamedTuple):
    """The rows of one dataset x encoder, and what to call them in file names and titles."""

    file: str
    words: str
    rows: pd.DataFrame


def places(table: pd.DataFrame) -> Iterator[Place]:
    """Split a table by dataset x encoder, with single queries and cycles apart."""
    for (shape, dataset, encoder), part in table.groupby([shapes(table), *PLACE], sort=False):
        suffix, words = ("-cycles", ", in cycles") if shape == CYCLES else ("", "")
        yield Place(f"{dataset}-{encoder}{suffix}", f"{dataset}, {encoder}{words}", part)


def at(table: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Rows of a table of the same dataset and encoder."""
    same: pd.DataFrame = table[
        (table["dataset"] == row["dataset"]) & (table["encoder"] == row["encoder"])
    ]
    return same
