"""Which trials made the same choice: the same images labeled, query by query."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rayal.storage.choices import Choice


def choices_of(rounds: pd.DataFrame) -> pd.Series[str]:
    """Name the choice behind each row of `load`'s frame: all queries of its trial up to the row.

    Rows of one name rest on the same images; a row that does not say which is a choice of its own.
    """
    trials, selected = rounds["trial"].to_numpy(object), rounds["selected"].to_numpy(object)
    choices = {trial: Choice() for trial in trials}
    named = np.empty(len(rounds), object)
    for row in np.argsort(rounds["round"].to_numpy(), kind="stable"):
        trial, images = trials[row], selected[row]
        named[row] = choices[trial].after(images if isinstance(images, list) else str(trial))
    return pd.Series(named, rounds.index, dtype=object)
