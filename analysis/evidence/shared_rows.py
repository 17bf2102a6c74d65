"""Rows that several strategies share in one table and not in another, shown by each name.

Strategies that chose the same images in all trials of some runs have one row there, "a / b", and so
one test. In a table to which other runs were added, a and b may have rows of their own elsewhere:
counted by its whole name, "a / b" would be a third strategy, and none of the three asked
everywhere.
"""

from __future__ import annotations

import pandas as pd

from analysis.study.same_choices import JOINED


def shown_by_each_name(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with a row for each name of those shared rows whose names stand elsewhere.

    What a row says, its correction by Holm among it, stays that of the one test.
    """
    parts = [_of_query(part) for _, part in cells.groupby("query", sort=False)]
    return pd.concat(parts, ignore_index=True) if parts else cells


def _of_query(cells: pd.DataFrame) -> pd.DataFrame:
    labels = list(cells["strategy"].unique())
    shared = [label for label in labels if JOINED in label]
    names = {label: set(label.split(JOINED)) for label in labels}
    apart = {
        label
        for label in shared
        if any(names[label] & names[other] for other in labels if other != label)
    }
    if not apart:
        return cells
    each = [name.split(JOINED) if name in apart else [name] for name in cells["strategy"]]
    return cells.assign(strategy=pd.Series(each, cells.index, dtype=object)).explode("strategy")
