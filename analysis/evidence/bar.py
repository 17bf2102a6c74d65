"""Whether `auto` reaches the bar of a default, and in which cells it does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.evidence.advice import STAGES
from analysis.evidence.cells import CELL, DIGITS, MEASURES
from analysis.evidence.leaders import AUTO, cells_of, rivals, with_choices
from analysis.evidence.markdown import QUERIES, SHORT, cells_in_words, table, telling_apart
from analysis.figures.text import NONE
from analysis.study.wording import enumerated
from rayal.storage.stopped import Stopped

SHARE = 0.01  # of the pool: the bar asks for wins up to there


def verdict(cells: pd.DataFrame, query: str, measure: str) -> dict[str, Any]:
    """Return how `auto` stands in all cells of a query and measure; {} where it was not asked.

    open, lost: its cells; names: columns that tell them apart. mean, best, best_mean: its mean
    gain, and the highest one of the other strategies that were asked in all of its cells, as the
    page names it ("" and NaN without one).
    behind: the same and the stage's words, for stages of labels a class where that one is higher.
    """
    every = rivals(cells, query, measure)
    own = cells_of(every, AUTO)
    if own.empty:
        return {}
    stages = [
        {
            "stage": words,
            **_compared_with_best(every[every["per_class"].between(low, high, "left")]),
        }
        for low, high, words in STAGES
    ]
    return {
        "cells": len(own),
        "won": int((own["verdict"] == "won").sum()),
        "open": own[own["verdict"] == ""],
        "lost": own[own["verdict"] == "lost"],
        "names": list(telling_apart(own)),
        "behind": [stage for stage in stages if stage["mean"] < stage["best_mean"]],
        **_compared_with_best(every),
    }


def _compared_with_best(every: pd.DataFrame) -> dict[str, Any]:
    own = cells_of(every, AUTO)
    others = every.drop(own.index).merge(own[CELL], on=CELL)
    by = others.groupby("strategy", sort=False)
    means = by["gain"].mean()[by.size() == len(own)].round(DIGITS)
    mean = round(float(own["gain"].mean()), DIGITS)
    if means.empty:
        return {"mean": mean, "best": "", "best_mean": math.nan}
    best = str(means.idxmax())
    name = with_choices(best, by["choices"].max()[best])
    return {"mean": mean, "best": name, "best_mean": float(means.max())}


def bar_of_default(
    cells: pd.DataFrame, pools: Mapping[str, int], stopped: Sequence[Stopped] = ()
) -> Iterator[str]:
    """Yield the bar, a table of how far it is reached, and the cells in which it is not.

    pools: the number of images to choose from, by dataset; of others the cells may have it.
    stopped: strategies that `prune` has stopped in cells, which are then not there.
    """
    verdicts = [
        (QUERIES[query], SHORT[measure], found)
        for query in QUERIES
        for measure in MEASURES
        if (found := verdict(cells, query, measure))
    ]
    if not verdicts:
        return
    yield f"## The default, `{AUTO}`, against its bar"
    yield ""
    yield (
        f"The bar: every cell up to {SHARE * 100:g} % of the pool is won, none is lost, and on "
        f"average `{AUTO}` is at least as good as the best other strategy. All cells are held to "
        f"it{_beyond(cells, pools)}. It is "
        f"{_reached([found for *_, found in verdicts], stopped)}."
    )
    yield ""
    heads = ("queries", "measure", "cells", "won", "open", "lost", "mean gain",
             "best other strategy", "at least as good")  # fmt: skip
    yield from table(heads, [(query, measure, *_row(found)) for query, measure, found in verdicts])
    for query, measure, found in verdicts:
        short_of = list(_short_of(found))
        if short_of:
            yield f"* {query}, {measure}. {' '.join(short_of)}"
    yield ""


def _beyond(cells: pd.DataFrame, pools: Mapping[str, int]) -> str:
    own = cells_of(cells, AUTO).drop_duplicates(CELL)
    pool = own["dataset"].map(pools).astype("float64").fillna(own["pool"].astype("float64"))
    beyond = own[own["labelled"] > SHARE * pool]["dataset"]
    text = (
        f", also the {len(beyond)} beyond ({enumerated(dict.fromkeys(beyond))})"
        if len(beyond)
        else ""
    )
    unknown = own["dataset"][pool.isna()].unique()
    if not len(unknown):
        return text
    names = enumerated(unknown)
    return f"{text}; which of those on {names} are beyond, the earlier table does not say"


def _reached(found: list[dict[str, Any]], stopped: Sequence[Stopped]) -> str:
    if any(AUTO in one["strategy"].split(" / ") for one in stopped):
        return f"**not reached**: `{AUTO}` was stopped in cells that are not counted here"
    reached = all(
        one["won"] == one["cells"] and not one["mean"] < one["best_mean"] for one in found
    )
    return "**reached**" if reached else "**not reached**"


def _row(found: Mapping[str, Any]) -> tuple[str, ...]:
    best = f"{found['best']} {found['best_mean']:+.{DIGITS}f}" if found["best"] else NONE
    good = "no" if found["mean"] < found["best_mean"] else "yes"
    counts = (found["cells"], found["won"], len(found["open"]), len(found["lost"]))
    return (*map(str, counts), f"{found['mean']:+.{DIGITS}f}", best, good)


def _short_of(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the cells that are not won, and the stages in which another strategy gains more."""
    for word in ("lost", "open"):
        if len(found[word]):
            yield f"{word.capitalize()}: {cells_in_words(found[word], found['names'])}."
    if found["behind"]:
        stages = (
            f"{stage['best']} at {stage['stage']} ({stage['mean']:+.{DIGITS}f} and "
            f"{stage['best_mean']:+.{DIGITS}f})"
            for stage in found["behind"]
        )
        yield f"Behind, on average: {'; '.join(stages)}."
