"""Which trials made the same choice: the same images labeled, query by query."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd


def choices_of(rounds: pd.DataFrame) -> pd.Series[str]:
    """Name the choice behind each row of `load`'s frame: all queries of its trial up to the row.

    Rows of one name rest on the same images; a row that does not say which is a choice of its own.
    """
    named: dict[object, str] = {}
    for trial, part in rounds.groupby("trial", sort=False):
        queries = part.sort_values("round")
        named |= zip(queries.index, _names(str(trial), queries["selected"]), strict=True)
    return pd.Series([named[row] for row in rounds.index], rounds.index, dtype=object)


def _names(trial: str, selected: pd.Series) -> Iterator[str]:
    """Name the first query, the first two, and so on; within a query the order does not count."""
    digest = hashlib.sha256()
    for images in selected:
        if isinstance(images, list):
            digest.update(np.sort(np.asarray(images, np.int64)).tobytes())
        else:
            digest.update(trial.encode("utf-8", "surrogatepass"))
        digest.update(b"/")
        yield digest.hexdigest()[:16]
