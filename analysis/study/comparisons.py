"""Rows of a study beside those of random selection that differ from them in one thing.

In a single query the strategy is what differs. In cycles two things may: the query strategy, with
the same initial one, or the initial strategy, with the same query one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from analysis.study.grouping import SETTING

QUERY, INITIAL = "query strategy", "initial strategy"  # what differs in cycles


class Comparison(NamedTuple):
    """Rows of strategies and of random selection that differ in one thing, paired on the keys."""

    varied: str
    rows: pd.DataFrame
    random: pd.DataFrame
    keys: list[str]


def comparisons(frame: pd.DataFrame, baseline: str) -> Iterator[Comparison]:
    """Split rows into those of random selection and others, once for each thing that may differ.

    Nothing where the run has no random selection (baseline "").
    """
    if not baseline:
        return
    single, cycles = frame[frame["rounds"] == 1], frame[frame["rounds"] > 1]
    shared = [*SETTING, "rounds"]
    for varied, rows, who, keys in (
        ("strategy", single, "strategy", shared),
        (QUERY, cycles, "strategy", [*shared, "initial"]),
        (INITIAL, cycles, "initial", [*shared, "strategy"]),
    ):
        is_random = rows[who] == baseline
        yield Comparison(varied, rows[~is_random], rows[is_random], keys)
