"""Cells of an earlier evidence.csv beside those of the runs at hand, whose records are gone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.evidence.cells import COLUMNS, KEYS, with_verdicts

ROW = ["query", *KEYS, "strategy", "measure"]  # what makes a row of the table one of its own
_TEXTS = dict.fromkeys(("query", "dataset", "encoder", "learner", "initial", "strategy"), str)


def read_cells(path: Path) -> pd.DataFrame:
    """Return the rows of an evidence.csv.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such table; the message names the columns that it lacks, or its fault.
    """
    try:
        frame = pd.read_csv(path, dtype=_TEXTS, keep_default_na=False, na_values=_numbers_alone())
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no table of evidence: {error}") from None
    lacking = [name for name in COLUMNS if name not in frame.columns]
    if lacking:
        raise ValueError(
            f"{path} is no table of evidence: it has no column {', '.join(lacking)}; give an "
            "evidence.csv that rayal evidence wrote"
        )
    return frame[list(COLUMNS)].assign(verdict=frame["verdict"].fillna("").astype(str))


def with_earlier(own: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the runs and the earlier ones that the runs do not have.

    A row of the runs stands in place of an earlier one of the same cell, strategy and measure.
    Holm's correction and the verdicts are those of all rows together.
    """
    known = pd.MultiIndex.from_frame(own[ROW].astype(str))
    kept = earlier[~pd.MultiIndex.from_frame(earlier[ROW].astype(str)).isin(known)]
    if kept.empty:
        return own
    together = pd.concat([kept, own] if len(own) else [kept], ignore_index=True)
    order = together.drop_duplicates(["query", "dataset", "encoder"]).index
    places = {key: n for n, key in enumerate(_blocks(together.loc[order]))}
    together["block"] = [places[key] for key in _blocks(together)]
    by = ["block", "learner", "initial", "labelled"]
    return with_verdicts(together.sort_values(by, kind="stable", ignore_index=True))[list(COLUMNS)]


def _blocks(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return list(frame[["query", "dataset", "encoder"]].itertuples(index=False, name=None))


def _numbers_alone() -> dict[str, list[str]]:
    """An empty field is no number, and an empty text is a text."""
    return {name: [""] for name in COLUMNS if name not in (*_TEXTS, "verdict", "measure")}
