"""Cells of an earlier evidence.csv beside those of the runs at hand, whose records are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.evidence.cells import COLUMNS, FIRST, LATER, MEASURES, ROW, with_verdicts
from analysis.evidence.mixing import check_fits
from analysis.study.same_choices import JOINED

_FIRST_LINE = 2  # of the rows, below the names of the columns
_TEXTS = ("query", "dataset", "encoder", "learner", "initial", "strategy", "measure", "setting")
_LATER_ADDED = ("pool", "setting")  # columns that older tables lack
_WORDS = {
    "query": (FIRST, LATER),
    "measure": MEASURES,
    "verdict": ("", "won", "lost"),
    "oracle": ("True", "False"),
}
_NUMBERS = tuple(name for name in COLUMNS if name not in {*_TEXTS, *_WORDS})


def read_cells(path: Path) -> pd.DataFrame:
    """Return the rows of an evidence.csv.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such table; the message names the columns that it lacks or has twice,
            or the line and cell that are not as `rayal evidence` writes them.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no table of evidence: {error}") from None
    _check_columns(path, frame)
    frame = frame.reindex(columns=list(COLUMNS), fill_value="").fillna("")
    for name, words in _WORDS.items():
        _check_cells(path, frame[name], frame[name].isin(words), f"one of {_listed(words)}")
    made = frame.assign(oracle=frame["oracle"] == "True")
    for name in _NUMBERS:
        made[name] = pd.to_numeric(frame[name], errors="coerce")
        _check_cells(path, frame[name], made[name].notna() | (frame[name] == ""), "a number")
    twice = frame[ROW].duplicated()
    if twice.any():
        first = int(frame.index[twice][0])
        raise ValueError(
            f"{path}, line {first + _FIRST_LINE}: an earlier line is of the same cell, strategy "
            "and measure; keep one of the two"
        )
    return made


def with_earlier(own: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the runs and the earlier ones that the runs do not have.

    A row of the runs stands in place of an earlier one of the same cell, strategy and measure;
    strategies that chose the same images share a row, and each is looked for by its own name.
    Holm's correction and the verdicts are those of all rows together.

    Raises:
        ValueError: the two are of other data, encoders or learners under the same names, or of
            other numbers of trials.
    """
    kept = kept_rows(own, earlier)
    check_fits(own, earlier, kept)
    if kept.empty:
        return own
    together = pd.concat([kept, own] if len(own) else [kept], ignore_index=True)
    order = together.drop_duplicates(["query", "dataset", "encoder"]).index
    places = {key: n for n, key in enumerate(_blocks(together.loc[order]))}
    together["block"] = [places[key] for key in _blocks(together)]
    by = ["block", "learner", "initial", "labelled"]
    return with_verdicts(together.sort_values(by, kind="stable", ignore_index=True))[list(COLUMNS)]


def kept_rows(own: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return the earlier rows that the runs do not have, each under the names that they lack."""
    left = _not_in(earlier, own)
    return earlier.assign(strategy=left)[left != ""]


def check_nothing_lost(path: Path, every_cell: pd.DataFrame) -> None:
    """Refuse to write a table in the place of one that has rows which it does not have.

    Raises:
        OSError: what is there cannot be read.
        ValueError: it is another file, or which rows would be lost.
    """
    if not path.exists():
        return
    there = read_cells(path)
    lost = there[_not_in(there, every_cell) != ""]
    if len(lost):
        first = ", ".join(str(lost.iloc[0][name]) for name in ROW)
        raise ValueError(
            f"{path} has {len(lost):,} rows that these runs do not have, such as {first}, and they "
            f"would be lost: keep them by --add-to {path}, or name another folder by --out"
        )


def _not_in(rows: pd.DataFrame, others: pd.DataFrame) -> pd.Series[str]:
    """Name the strategies of each row that other rows lack in its cell; "" where none is left."""
    known = {(*place, name) for *place, names in _places(others) for name in names}
    left = [
        JOINED.join(name for name in names if (*place, name) not in known)
        for *place, names in _places(rows)
    ]
    return pd.Series(left, rows.index, dtype=object)


def _places(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    columns = [name for name in ROW if name != "strategy"]
    for *place, names in (
        rows[[*columns, "strategy"]].astype(str).itertuples(index=False, name=None)
    ):
        yield (*place, names.split(JOINED))


def _blocks(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return list(frame[["query", "dataset", "encoder"]].itertuples(index=False, name=None))


def _check_columns(path: Path, frame: pd.DataFrame) -> None:
    lacking = [name for name in COLUMNS if name not in {*frame.columns, *_LATER_ADDED}]
    if lacking:
        raise ValueError(
            f"{path} is no table of evidence: it has no column {', '.join(lacking)}; give an "
            "evidence.csv that rayal evidence wrote"
        )
    twice = [name for name in COLUMNS if f"{name}.1" in frame.columns]  # as pandas renames them
    if twice:
        raise ValueError(f"{path} has two columns {twice[0]!r}; remove the one that is not meant")


def _check_cells(path: Path, cells: pd.Series[str], fits: pd.Series[bool], needed: str) -> None:
    if not fits.all():
        first = int(cells.index[~fits][0])
        raise ValueError(
            f"{path}, line {first + _FIRST_LINE}: {cells.name} is {cells.loc[first]!r}, and must "
            f"be {needed}, as rayal evidence writes it"
        )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words))
