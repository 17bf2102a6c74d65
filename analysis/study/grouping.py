"""How rows of a study are grouped and named.

A *setting* is one dataset, encoder and learner; its *query mode* is a single query, or cycles. The
*group keys* add who chose the images and how many were labeled: rows that share them differ in
their seeds alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import pandas as pd

from rayal.sweep.names import KINDS

SETTING = ["dataset", "encoder", "learner"]
CURVE = [*SETTING, "initial", "strategy", "rounds"]  # whose rounds are one learning curve
GROUP_KEYS = [*CURVE, "round", "labelled"]
SINGLE, CYCLES = "single query", "cycles"
Names = TypeVar("Names", str, "pd.Series[str]")


def as_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Let `dataset`, `strategy` and so on hold labels in place of plain names."""
    plain = frame.drop(columns=list(KINDS))
    return plain.rename(columns={f"{kind}_label": kind for kind in KINDS})


def groups(
    frame: pd.DataFrame, keys: Sequence[str]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Groups in order of first appearance, each with its keys as a dict."""
    for values, group in frame.groupby(list(keys), sort=False, dropna=False):
        yield dict(zip(keys, values, strict=True)), group


def query_modes(frame: pd.DataFrame) -> pd.Series[str]:
    """Say of every row whether it is of a single query or of cycles."""
    return (frame["rounds"] > 1).map({False: SINGLE, True: CYCLES})


def in_sequence(initial: Names, strategy: Names) -> Names:
    """Name a selection in cycles: its initial strategy, then its query strategy."""
    return initial + ", then " + strategy


def to_frame(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows as a frame that has its columns even when it is empty."""
    return pd.DataFrame(list(rows), columns=list(columns))
