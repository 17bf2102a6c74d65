"""Words and tables that the sections of the page share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from analysis.evidence.cells import FIRST, LATER
from analysis.study.wording import enumerated

IN_WORDS = {"auc": "area under the ROC curve", "mean_class_accuracy": "mean per-class accuracy"}
SHORT = {"auc": "AUC", "mean_class_accuracy": "per-class accuracy"}
QUERIES = {FIRST: "First queries", LATER: "Later queries"}


def table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one."""
    heads = tuple(heads)
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""


def telling_apart(cells: pd.DataFrame) -> dict[str, str]:
    """Return the columns that say of which data a row is, and how, with their headings.

    Learner and first query are there where there are several.
    """
    names = {"dataset": "data", "encoder": "encoder"}
    others = {"learner": "learner", "initial": "first query"}
    return names | {
        column: words
        for column, words in others.items()
        if column in cells and cells[column].nunique() > 1
    }


def cells_in_words(cells: pd.DataFrame, names: Iterable[str]) -> str:
    """Name the cells of rows, those that differ in labels alone together: "digits, pixels, 13".

    names: columns by which all cells are told apart, as of `telling_apart`.
    """
    blocks = cells.groupby(list(names), sort=False)["labelled"]
    return "; ".join(
        f"{', '.join(map(str, block))}, {enumerated(labels)} labels" for block, labels in blocks
    )


def ranged(values: Iterable[int]) -> str:
    """Return the least and the largest of values, or the one that there is: "8 to 10"."""
    least, largest = min(values := list(values)), max(values)
    return str(least) if least == largest else f"{least} to {largest}"
