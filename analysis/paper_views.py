"""The papers' tables beside what they print, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.page.table import (
    View,
    interval,
    name_cells,
    naming,
    number,
    pair,
    view_of,
    whole,
    words,
)  # fmt: skip
from analysis.sections.papers.compare import titles


def papers(tables: Mapping[str, pd.DataFrame]) -> list[View]:
    """One view for each of the papers' tables that a study has a cell of."""
    return [_paper(name, title, tables[name]) for name, title in titles().items() if name in tables]


def _paper(name: str, title: str, found: pd.DataFrame) -> View:
    names = naming(found, ["initial", "strategy"])
    metrics = found["metric"].nunique() > 1
    rows = [
        [
            words(row["printed_row"]), *name_cells(row, names), whole(row["labelled"]),
            *([words(row["metric"])] if metrics else []), whole(row["n"]),
            pair(row["mean"], row["std"], 2), pair(row["printed_mean"], row["printed_std"], 2),
            number(row["difference"], "+.2f"),
            interval(row["difference_low"], row["difference_high"], "+.2f"),
            words(row["within_both"]), words(row["departs"]), words(row["note"]),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    header = [
        "row in print", *names, "labelled", *(["metric"] if metrics else []), "trials",
        "measured", "printed", "difference", "95 % interval", "within both intervals",
        "departs from the paper", "note on the print",
    ]  # fmt: skip
    empty = [i for i, _ in enumerate(header) if i >= len(header) - 3 and not any(
        row[i].text for row in rows)]  # fmt: skip
    header = [text for i, text in enumerate(header) if i not in empty]
    rows = [[cell for i, cell in enumerate(row) if i not in empty] for row in rows]
    return view_of(title, f"{name}.csv", header, rows, ["", *names])
