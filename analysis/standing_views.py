"""Ways to choose over all datasets, as the page shows them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.page.table import Cell, View, apart, interval, number, view_of, whole, words
from analysis.tables import groups

MOST_RIVALS = 10  # beside one another; of more, a row's sum over them


def overall(found: pd.DataFrame) -> list[View]:
    """Mean over datasets of the area under the curve."""
    named = []
    for key, part in groups(found, ["shape"]):
        rows = [
            [words(row["way"]), whole(row["blocks"]), number(row["mean"], ".3f"),
             interval(row["low"], row["high"], ".3f"), words(row["left_out"])]
            for row in part.sort_values("mean", ascending=False, kind="stable").to_dict("records")
        ]  # fmt: skip
        header = ["way to choose", "settings", "mean area", "95 % interval", "settings it lacks"]
        caption = (
            "Mean over settings (dataset, encoder, learner) of the area under the AUC curve, or "
            "of the AUC where there is one budget; resampled within each setting"
        )
        named.append((str(key["shape"]), _trimmed("overall.csv", caption, header, rows)))
    return apart(named)


def ranks(found: pd.DataFrame) -> list[View]:
    """Mean ranks with the critical difference; nothing of a single setting."""
    named = []
    for key, part in groups(found, ["shape"]):
        if part["blocks"].max() > 1:
            named.append((str(key["shape"]), _ranks(part)))
    return apart(named)


def wins(found: pd.DataFrame) -> list[View]:
    """Who is shown to beat whom, in how many cells."""
    named = [
        (str(key["shape"]), _matrix(part) if part["way"].nunique() <= MOST_RIVALS else _sums(part))
        for key, part in groups(found, ["shape"])
    ]
    return apart(named)


def _ranks(part: pd.DataFrame) -> View:
    rows = [
        [words(row["way"]), whole(row["blocks"]), number(row["mean_rank"], ".2f"),
         words(row["alike"]), words(row["left_out"])]
        for row in part.to_dict("records")
    ]  # fmt: skip
    tested = part.dropna(subset=["critical_difference"])
    test = ""
    if len(tested):
        first = tested.iloc[0]
        test = (
            f"; critical difference {first['critical_difference']:.2f} (Nemenyi), Iman and "
            f"Davenport's p = {first['p']:.3f}; ways that share a letter are not shown to differ"
        )
    header = ["way to choose", "settings", "mean rank", "alike", "settings it lacks"]
    return _trimmed("ranks.csv", f"Mean rank over settings, 1 is best{test}", header, rows)


def _matrix(part: pd.DataFrame) -> View:
    """Wins, ties and losses of the row's way against each of the columns'."""
    ways = list(dict.fromkeys(part["way"]))
    found: dict[tuple[str, str], dict[Any, Any]] = {
        (row["way"], row["rival"]): row for row in part.to_dict("records")
    }
    rows = [[words(way), *(_meeting(found.get((way, rival))) for rival in ways)] for way in ways]
    caption = (
        "Wins, ties and losses of the way of the row against that of the column, over cells "
        "(setting by labelled images): Student's paired test at .05, Holm's correction over all "
        "pairs of a cell"
    )
    return view_of(caption, "win_tie_loss.csv", ["way to choose", *ways], rows, [""])


def _meeting(row: dict[Any, Any] | None) -> Cell:
    if row is None:
        return Cell("", None)
    text = f"{row['wins']} / {row['ties']} / {row['losses']}"
    untested = f" ({row['untested']} untested)" if row["untested"] else ""
    return Cell(text + untested, float(row["wins"] - row["losses"]), row["wins"] > row["losses"])


def _sums(part: pd.DataFrame) -> View:
    counts = ["wins", "ties", "losses", "untested"]
    sums = part.groupby("way", sort=False)[counts].sum().reset_index()
    rows = [
        [words(row["way"]), *(whole(row[name]) for name in counts)]
        for row in sums.to_dict("records")
    ]
    caption = (
        "Wins, ties and losses over all rivals and cells (setting by labelled images): Student's "
        "paired test at .05, Holm's correction over all pairs of a cell"
    )
    return view_of(caption, "win_tie_loss.csv", ["way to choose", *counts], rows, [""])


def _trimmed(source: str, caption: str, header: list[str], rows: list[list[Cell]]) -> View:
    """Make a view without its last column where that says nothing."""
    if not any(row[-1].text for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return view_of(caption, source, header, rows, [""])
