"""What of an earlier table cannot stand beside the cells of runs: it is refused, never averaged.

A row of a table has names, and names are given twice: a file of other images, an encoder of other
parameters. Gains over random draws that are fewer, or others, are no gains over the same bar.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import pandas as pd

from analysis.evidence.cells import CELL, FIRST, ROW
from analysis.study.grouping import SETTING

ROUNDING = 0.0051  # of what a table gives two digits of
SAME_DRAWS = 0.005  # how far means of the same random draws are apart on two machines, at most
APART = "write a table of these runs alone: leave --add-to out, and name another folder by --out"


def check_fits(own: pd.DataFrame, earlier: pd.DataFrame, kept: pd.DataFrame) -> None:
    """Refuse to put the cells of runs and of an earlier table into one.

    own, earlier: all cells of both. kept: those of the earlier ones that stay.

    Raises:
        ValueError: what differs under the same names, or in how many trials.
    """
    _check_same_data(own, kept)
    _check_settings(own, kept)
    _check_draws(own, earlier, kept)
    _check_trials(own, earlier, kept)


def _check_same_data(own: pd.DataFrame, kept: pd.DataFrame) -> None:
    both = kept.merge(_once(own, ["dataset"]), on="dataset", suffixes=("", "_own"))
    classes = (both["labelled_own"] / both["per_class_own"]).round()
    others = (both["labelled"] / classes - both["per_class"]).abs() > ROUNDING
    pools = (both["pool"] != both["pool_own"]) & both["pool"].notna() & both["pool_own"].notna()
    for row in _first(both[others]):
        _refuse(f"{row['dataset']} has another number of classes there")
    for row in _first(both[pools]):
        _refuse(f"{row['dataset']} has {row['pool']:,.0f} images to choose from there, and "
                f"{row['pool_own']:,.0f} here")  # fmt: skip


def _check_settings(own: pd.DataFrame, kept: pd.DataFrame) -> None:
    known = [frame[frame["setting"].fillna("") != ""] for frame in (kept, own)]
    both = known[0].merge(_once(known[1], SETTING), on=SETTING, suffixes=("", "_own"))
    hashes = (both[name].astype(str).str.split().str[0] for name in ("setting", "setting_own"))
    for row in _first(both[next(hashes) != next(hashes)]):
        _refuse(f"{_place(row)} is of other images, or of an encoder or learner of other parameters"
                )  # fmt: skip
    cells = known[0].merge(_once(known[1], CELL), on=CELL, suffixes=("", "_own"))
    for row in _first(cells[cells["setting"] != cells["setting_own"]]):
        steps = (str(row[name]).partition(" ")[2] for name in ("setting", "setting_own"))
        _refuse(f"{_cell(row)} follow queries of {' and not '.join(steps)} images")


def _check_draws(own: pd.DataFrame, earlier: pd.DataFrame, kept: pd.DataFrame) -> None:
    stays = earlier.merge(kept[SETTING].drop_duplicates(), on=SETTING)
    by = [*CELL, "measure"]
    both = _once(stays, by).merge(_once(own, by), on=by, suffixes=("", "_own"))
    same = (both["query"] == FIRST) & (both["random_trials"] == both["random_trials_own"])
    apart = (both["random"] - both["random_own"]).abs() > SAME_DRAWS
    for row in _first(both[same & apart]):
        _refuse(
            f"{_cell(row)} have a mean of {row['random']:.3f} by random selection there and of "
            f"{row['random_own']:.3f} here, with the same draws, so that images, encoder or "
            "learner are others"
        )


def _check_trials(own: pd.DataFrame, earlier: pd.DataFrame, kept: pd.DataFrame) -> None:
    cells = _once(kept, CELL).merge(_once(own, CELL), on=CELL, suffixes=("", "_own"))
    for row in _first(cells[cells["random_trials"] != cells["random_trials_own"]]):
        _refuse(
            f"{_cell(row)} are compared with {row['random_trials']:.0f} trials of random selection "
            f"there, and with {row['random_trials_own']:.0f} here; give it as many seeds here"
        )
    replaced = earlier.merge(own, on=ROW, suffixes=("", "_own"))
    for row in _first(replaced[replaced["trials_own"] < replaced["trials"]]):
        _refuse(
            f"{_cell(row)} of {row['strategy']} rest on {row['trials']:.0f} trials there, and on "
            f"{row['trials_own']:.0f} here, which would replace them; give it as many seeds here"
        )


def _once(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return frame.drop_duplicates(keys)


def _first(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    yield from ({str(k): v for k, v in row.items()} for row in rows.head(1).to_dict("records"))


def _place(row: dict[str, object]) -> str:
    return ", ".join(str(row[name]) for name in SETTING)


def _cell(row: dict[str, object]) -> str:
    queries = "first queries" if row["query"] == FIRST else "later queries"
    return f"{queries} of {_place(row)} with {row['labelled']} labels"


def _refuse(what: str) -> NoReturn:
    raise ValueError(f"the earlier table does not fit these runs: {what}. Or {APART}")
