"""Cells and leaders -> docs/evidence.md and docs/evidence.csv."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.evidence.cells import FIRST, LATER, LEVEL, MEASURES, cells, full_labels
from analysis.evidence.earlier import with_earlier
from analysis.evidence.leaders import advice, leaderboard
from analysis.evidence.published_order import PAIRS, STAGES, published_order
from analysis.export import to_csv
from analysis.figures.text import NONE
from analysis.study.study import Study
from rayal.storage.atomic import write_bytes

IN_WORDS = {"auc": "area under the ROC curve", "mean_class_accuracy": "mean per-class accuracy"}
QUERIES = {FIRST: "First queries", LATER: "Later queries"}


def write_evidence(
    study: Study, folder: Path, version: str, earlier: pd.DataFrame | None = None
) -> tuple[Path, Path]:
    """Write evidence.md and evidence.csv of runs; return their paths.

    Args:
        study: the runs, as one.
        folder: made if it is not there.
        version: of the evidence, which `auto` names.
        earlier: rows of an earlier table, kept where the runs have no such row.
    """
    own = cells(study)
    every_cell = own if earlier is None else with_earlier(own, earlier)
    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / "evidence.md", folder / "evidence.csv"
    write_bytes(table, to_csv(_rounded(every_cell)).encode())
    lines = _page(study, every_cell, version, from_earlier=len(every_cell) - len(own))
    write_bytes(page, ("\n".join(lines).rstrip() + "\n").encode())
    return page, table


def _rounded(every_cell: pd.DataFrame) -> pd.DataFrame:
    digits = {"per_class": 2, "random": 4, "gain": 2, "low": 2, "high": 2, "select_seconds": 3}
    kept = every_cell.round(digits)
    for name in ("p", "holm"):
        kept[name] = [f"{value:.2g}" if math.isfinite(value) else "" for value in every_cell[name]]
    return kept


def _page(study: Study, every_cell: pd.DataFrame, version: str, from_earlier: int) -> Iterator[str]:
    yield f"# Evidence, version {version}"
    yield ""
    yield from _head(study, every_cell)
    yield from _kept(from_earlier, len(every_cell))
    for group in study.same_choices.groups:
        yield from (group.in_words, "")
    for query, title in QUERIES.items():
        part = every_cell[every_cell["query"] == query]
        if part.empty:
            continue
        yield from _advice(part, query)
        yield f"## {title}: who leads"
        yield ""
        for measure in MEASURES:
            yield from _board(part, query, measure)
        yield f"## {title}: every cell"
        yield ""
        for measure in MEASURES:
            yield from _every_cell(part[part["measure"] == measure], measure)
    yield from _order(published_order(study))
    yield from _full(study)
    yield from _not_covered(study, every_cell)


def _head(study: Study, every_cell: pd.DataFrame) -> Iterator[str]:
    sweeps = ", ".join(f"`sweeps/{name}.yaml`" for name in study.sweeps)
    done = study.progress
    yield (
        f"Written by `rayal evidence` from the records of {sweeps}: {done.done:,} trials. "
        "Gains are differences to random selection with the same learner and number of labels, in "
        "points (hundredths) of the measure. First queries are compared with every random draw "
        "(Welch), later ones with random ones after the same first query, seed by seed "
        "(Student). Trials that chose the same images count once: a strategy that draws nothing "
        f"has one choice, and no test. Won and lost: p below {LEVEL:g} after Holm's correction "
        f"over all {_family(every_cell)} comparisons of the measure. `evidence.csv` has every cell "
        "with its interval, p, seeds and seconds."
    )
    yield ""


def _kept(rows: int, of: int) -> Iterator[str]:
    """Say which rows rest on records that were not read for this page."""
    if rows:
        yield (
            f"{rows} of {of} rows of `evidence.csv` stand as an earlier table had them, for the "
            "runs read here have no trials of those. Holm's correction and who leads are of all "
            "rows; full labels and the order of later queries are of the runs read here alone."
        )
        yield ""


def _family(every_cell: pd.DataFrame) -> int:
    tested = every_cell[~every_cell["oracle"].astype(bool) & every_cell["p"].notna()]
    return int(tested.groupby("measure").size().max()) if len(tested) else 0


def _advice(part: pd.DataFrame, query: str) -> Iterator[str]:
    uses = advice(part, query, "auc")
    if uses.empty:
        return
    yield f"## What to use: {QUERIES[query].lower()}"
    yield ""
    rows = [(row["stage"], *_use(row)) for row in uses.to_dict("records")]
    yield from _table(("I have", "use", "because"), rows)


def _use(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Say which strategy to use in a stage, and why."""
    if not row["won"]:
        return "any", f"nothing is shown to beat random in {row['cells']} cells"
    return (
        f"`{row['strategy']}`",
        f"{row['mean']:+.1f} points of AUC on average over {row['cells']} cells, "
        f"{row['won']} won, none lost; worst {row['worst']:+.1f} ({row['worst_cell']})",
    )


def _board(part: pd.DataFrame, query: str, measure: str) -> Iterator[str]:
    board = leaderboard(part, query, measure)
    if board.empty:
        return
    yield f"By {IN_WORDS[measure]}:"
    yield ""
    heads = ("strategy", "cells", "mean gain", "95 % interval", "won", "lost", "worst cell",
             "mean rank", "share of the oracle's gain", "seconds a query")  # fmt: skip
    yield from _table(heads, [_board_row(row) for row in board.to_dict("records")])


def _board_row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    interval = f"{row['low']:+.1f} to {row['high']:+.1f}" if math.isfinite(row["low"]) else NONE
    share = f"{100 * row['share']:.0f} %" if math.isfinite(row["share"]) else NONE
    rank = f"{row['rank']:.1f}" if math.isfinite(row["rank"]) else NONE
    worst = f"{row['worst']:+.1f}: {row['worst_cell']}"
    return (f"`{row['strategy']}`", str(row["cells"]), f"{row['mean']:+.1f}", interval,
            str(row["won"]), str(row["lost"]), worst, rank, share,
            f"{row['seconds']:.2g}")  # fmt: skip


def _every_cell(part: pd.DataFrame, measure: str) -> Iterator[str]:
    """Yield a table with a row for each cell and a column for each strategy."""
    if part.empty:
        return
    strategies = list(dict.fromkeys(part["strategy"]))
    yield f"Gain in {IN_WORDS[measure]}; **bold**: won, ~~struck~~: lost, the others open:"
    yield ""
    rows = []
    for (dataset, encoder, _, _, labelled), group in part.groupby(
        ["dataset", "encoder", "learner", "initial", "labelled"], sort=False
    ):
        of = {row["strategy"]: row for row in group.to_dict("records")}
        base = f"{group['random'].iloc[0]:.3f}"
        row = [_gain(of[name]) if name in of else "" for name in strategies]
        rows.append((str(dataset), str(encoder), str(labelled), base, *row))
    yield from _table(("data", "encoder", "labels", "random", *strategies), rows)


def _gain(row: Mapping[Any, Any]) -> str:
    gain = f"{row['gain']:+.1f}"
    return {"won": f"**{gain}**", "lost": f"~~{gain}~~"}.get(row["verdict"], gain)


def _order(order: pd.DataFrame) -> Iterator[str]:
    """Yield how the pairs of the published order came out, by labels a class."""
    if order.empty:
        return
    yield "## Later queries: the published order"
    yield ""
    yield (
        "BAIT and DropQuery ahead of TypiClust, that ahead of margin, k-center below random: what "
        "Gupte et al. 2024 found on features of large pre-trained networks. Mean difference of "
        "each pair in points, seed by seed, over the cells; in brackets cells as published, open "
        f"and reversed by Holm's p below {LEVEL:g} over all {len(order) // len(MEASURES)} "
        "comparisons of the measure."
    )
    yield ""
    heads = ("labels", "measure", *(f"{ahead} - {behind}" for ahead, behind in PAIRS))
    rows = [
        (words, IN_WORDS[measure], *(_pair(part, *pair) for pair in PAIRS))
        for low, high, words in STAGES
        for measure in MEASURES
        if len(part := _stage(order, low, high, measure))
    ]
    yield from _table(heads, rows)


def _stage(order: pd.DataFrame, low: float, high: float, measure: str) -> pd.DataFrame:
    inside = (order["per_class"] >= low) & (order["per_class"] < high)
    return order[inside & (order["measure"] == measure)]


def _pair(part: pd.DataFrame, ahead: str, behind: str) -> str:
    own = part[(part["ahead"] == ahead) & (part["behind"] == behind)]
    if own.empty:
        return NONE
    met, not_sure, reversed_ = (
        int((own["found"] == outcome).sum()) for outcome in ("as published", "open", "reversed")
    )
    return f"{own['lead'].mean():+.1f} ({met} / {not_sure} / {reversed_})"


def _full(study: Study) -> Iterator[str]:
    means = full_labels(study)
    if means.empty:
        return
    yield "## Full labels"
    yield ""
    rows = [
        (row["dataset"], row["encoder"], *(f"{row[measure]:.3f}" for measure in MEASURES))
        for row in means.reset_index().to_dict("records")
    ]
    yield from _table(("data", "encoder", *IN_WORDS.values()), rows)


def _not_covered(study: Study, every_cell: pd.DataFrame) -> Iterator[str]:
    yield "## What this does not cover"
    yield ""
    if every_cell.empty:
        yield "Everything: the runs hold no strategy beside random selection."
        return
    done = study.progress
    data = ", ".join(sorted(set(every_cell["dataset"])))
    encoders = ", ".join(sorted(set(every_cell["encoder"])))
    learners = ", ".join(sorted(set(every_cell["learner"])))
    few = every_cell[
        (every_cell["choices"] > 1)
        & (every_cell["trials"] < 50)
        & ~every_cell["oracle"].astype(bool)
    ]
    yield f"* Data: {data} alone, with encoders among {encoders}."
    yield f"* Learner: {learners} alone. Another learner may change who leads."
    yield f"* Up to {int(every_cell['labelled'].max())} labels; nothing is said of more."
    yield (
        "* The data sets are those that the defaults were developed on: a strategy's lead here is "
        "partly chosen. Intervals are of these cells, not of other data."
    )
    if len(few):
        least = int(few["trials"].min())
        yield f"* {len(few)} of {len(every_cell)} rows have fewer than 50 seeds, the least {least}."
    if done.missing + done.failed:
        yield (
            f"* {done.missing + done.failed:,} of {done.planned:,} planned trials have no record "
            f"({done.failed:,} of them failed): their cells are absent or have fewer seeds."
        )
    yield ""


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    heads = tuple(heads)
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""
