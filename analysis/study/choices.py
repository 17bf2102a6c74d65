"""Which trials made the same choice: the same images labeled, query by query."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd


def choices_of(rounds: pd.DataFrame) -> pd.Series[str]:
    """Name the choice behind each row of `load`'s frame: all queries of its trial up to the row.

    Rows of one name rest on the same images; a row that does not say which is a choice of its own.
    """
    trials, selected = rounds["trial"].to_numpy(object), rounds["selected"].to_numpy(object)
    queries = {trial: hashlib.sha256() for trial in trials}
    named = np.empty(len(rounds), object)
    for row in np.argsort(rounds["round"].to_numpy(), kind="stable"):
        trial = trials[row]
        queries[trial].update(_query(str(trial), selected[row]))
        named[row] = queries[trial].hexdigest()[:16]
    return pd.Series(named, rounds.index, dtype=object)


def _query(trial: str, images: object) -> bytes:
    """Return what tells a query from others; the order of its images does not count."""
    if isinstance(images, list):
        return np.sort(np.asarray(images, np.int64)).tobytes() + b"/"
    return trial.encode("utf-8", "surrogatepass") + b"/"
