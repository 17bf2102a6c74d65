"""Cells and leaders -> docs/evidence.md and docs/evidence.csv."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.evidence.advice import what_to_use
from analysis.evidence.bar import bar_of_default
from analysis.evidence.by_features import by_features
from analysis.evidence.cells import (
    CELL,
    FIRST,
    KEYS,
    LATER,
    LEVEL,
    MEASURES,
    cells,
    full_labels,
    pool_sizes,
)
from analysis.evidence.earlier import check_nothing_lost, kept_rows, with_earlier
from analysis.evidence.earlier_page import check_version, records_of, section
from analysis.evidence.leaders import AUTO, boards, cells_of
from analysis.evidence.markdown import IN_WORDS, QUERIES, table, telling_apart
from analysis.evidence.not_covered import not_covered
from analysis.evidence.published_order import PAIRS, STAGES, published_order
from analysis.evidence.rivals import auto_against_others
from analysis.evidence.shared_rows import shown_by_each_name
from analysis.evidence.stopped import HEADING as _STOPPED
from analysis.evidence.stopped import check_none_stopped, stopped_cells
from analysis.export import to_csv
from analysis.figures.text import NONE
from analysis.study.study import Study
from analysis.study.wording import enumerated
from rayal.hints import counted
from rayal.storage.atomic import write_bytes

_TITLE = "# Evidence, version "
_ORDER, _FULL = "## Later queries: the published order", "## Full labels"


def write_evidence(
    study: Study,
    folder: Path,
    version: str,
    earlier: pd.DataFrame | None = None,
    strategies: Sequence[str] = (),
    earlier_page: str = "",
) -> tuple[Path, Path]:
    """Write evidence.md and evidence.csv of runs; return their paths.

    Args:
        study: the runs, as one.
        folder: made if it is not there.
        version: of the evidence, which `auto` names.
        earlier: rows of an earlier table, kept where the runs have no such row.
        strategies: names of all that may be asked; the page lists those that were not.
        earlier_page: text of the page beside the earlier table; sections of it are kept that rest
            on records.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: what stands in the folder under these names would be lost, the earlier table
            is of what these runs cannot be compared with, or images have several classes.
    """
    own = cells(study)
    if earlier is not None:
        check_none_stopped(study)
        check_version(earlier_page, version, cells_of(kept_rows(own, earlier), AUTO))
    every_cell = own if earlier is None else with_earlier(own, earlier)
    folder.mkdir(parents=True, exist_ok=True)
    page, table = folder / "evidence.md", folder / "evidence.csv"
    check_nothing_lost(table, every_cell)
    _check_own(page)
    kept = _kept(len(every_cell) - len(own), len(every_cell), records_of(earlier_page))
    lines = (*_page(study, every_cell, version, kept, tuple(section(earlier_page, _STOPPED))),
             *(_order(published_order(study)) or section(earlier_page, _ORDER)),
             *(_full(study) or section(earlier_page, _FULL)),
             *not_covered(study, every_cell, strategies))  # fmt: skip
    write_bytes(table, to_csv(_rounded(every_cell)).encode())
    write_bytes(page, ("\n".join(lines).rstrip() + "\n").encode())
    return page, table


def _check_own(page: Path) -> None:
    if page.exists() and not page.read_bytes().startswith(_TITLE.encode()):
        raise ValueError(
            f"{page} is no page of evidence, and would be lost: name another folder by --out"
        )


def _rounded(every_cell: pd.DataFrame) -> pd.DataFrame:
    """Round so far that Holm's correction and the sign of a gain stay when the table is read."""
    digits = {"per_class": 2, "random": 4, "select_seconds": 3}
    kept = every_cell.round({**digits, **dict.fromkeys(("gain", "low", "high"), 4)})
    for name in ("p", "holm"):
        kept[name] = [f"{value:.6g}" if math.isfinite(value) else "" for value in every_cell[name]]
    return kept.astype({"pool": "Int64"})  # whole numbers, though some rows have none


def _page(
    study: Study,
    every_cell: pd.DataFrame,
    version: str,
    kept: Iterable[str],
    stopped_before: Iterable[str],
) -> Iterator[str]:
    yield f"{_TITLE}{version}"
    yield ""
    yield from _head(study, every_cell)
    every_cell = shown_by_each_name(every_cell)
    yield from kept
    yield from _same_choices(study, set(every_cell["strategy"]))
    yield from stopped_cells(study)
    yield from stopped_before
    for query in QUERIES:
        yield from what_to_use(every_cell, query)
    yield from by_features(every_cell)
    yield from bar_of_default(every_cell, pool_sizes(study), study.stopped)
    yield from auto_against_others(every_cell)
    for query, title in QUERIES.items():
        part = every_cell[every_cell["query"] == query]
        if part.empty:
            continue
        yield f"## {title}: who leads"
        yield ""
        yield from boards(part, query)
        yield f"## {title}: every cell"
        yield ""
        for measure in MEASURES:
            yield from _every_cell(part[part["measure"] == measure], measure)


def _same_choices(study: Study, shown: set[str]) -> Iterator[str]:
    """Say which strategies chose the same images, shown by one name or by each of them."""
    for group in study.same_choices.groups:
        if group.label in shown or shown.isdisjoint(group.names):
            yield from (group.in_words, "")
        else:
            yield (
                f"{enumerated(group.names)} chose the same images in each {group.role} of the runs "
                "read here: they are tested once there, and shown by each name, as elsewhere in "
                "the table."
            )
            yield ""


def _head(study: Study, every_cell: pd.DataFrame) -> Iterator[str]:
    names = list(dict.fromkeys(study.sweeps))
    sweeps = f"sweep{'s' * (len(names) > 1)} {enumerated(f'`{name}`' for name in names)}"
    done = study.progress
    yield (
        "Which strategies were better than random selection, by how much and where. First queries "
        "choose the first images, without labels; later queries use the labels so far."
    )
    yield ""
    yield (
        "* A *cell* is a dataset, an encoder and a number of labels. The *gain* of a strategy in "
        "a cell is the difference to random selection with the same learner, in points "
        "(hundredths) of the measure.\n"
        f"* A cell is *won* or *lost* if p is below {LEVEL:g} after Holm's correction over all "
        f"{_family(every_cell)} comparisons of the measure, and *open* otherwise.\n"
        "* First queries are compared with every random draw (Welch's test), later ones with "
        "random selection after the same first query, seed by seed (Student's test). Trials that "
        "chose the same images count once; a strategy without randomness makes one choice in a "
        "cell, and has no test.\n"
        f"* Written by `rayal evidence` from the records of the {sweeps}: "
        f"{done.done:,} trials, "
        f"{_extent(every_cell)}. `evidence.csv` has every cell with its interval, p, seeds and "
        "seconds."
    )
    yield ""


def _extent(every_cell: pd.DataFrame) -> str:
    """Say how much evidence there is."""
    count = every_cell.drop_duplicates(CELL)["query"].value_counts()
    datasets = every_cell["dataset"].nunique()
    return (
        f"{count.get(FIRST, 0)} cells of first queries and {count.get(LATER, 0)} of later ones on "
        f"{counted(datasets, 'dataset')}"
    )


def _kept(rows: int, of: int, records: str) -> Iterator[str]:
    """Say which rows rest on records that were not read for this page, and on which."""
    if rows:
        written = f", which was written {records}" if records else ""
        yield (
            f"{rows} of {of} rows of `evidence.csv` stand as an earlier table had them{written}; "
            "the runs read here have no trials of those rows. Holm's correction and who leads are "
            "of all rows; full labels and the order of later queries are of the runs read here "
            "alone, unless their sections say otherwise."
        )
        yield ""


def _family(every_cell: pd.DataFrame) -> int:
    tested = every_cell[~every_cell["oracle"].astype(bool) & every_cell["p"].notna()]
    return int(tested.groupby("measure").size().max()) if len(tested) else 0


def _every_cell(part: pd.DataFrame, measure: str) -> Iterator[str]:
    """Yield a table with a row for each cell and a column for each strategy."""
    if part.empty:
        return
    strategies = list(dict.fromkeys(part["strategy"]))
    yield f"Gain in {IN_WORDS[measure]}; **bold**: won, ~~struck~~: lost, the others open:"
    yield ""
    rows, names = [], telling_apart(part)
    for _, group in part.groupby(KEYS, sort=False):
        of = {row["strategy"]: row for row in group.to_dict("records")}
        base = f"{group['random'].iloc[0]:.3f}"
        row = [_gain(of[name]) if name in of else "" for name in strategies]
        place = group.iloc[0][[*names, "labelled"]].astype(str)
        rows.append((*place, base, *row))
    yield from table((*names.values(), "labels", "random", *strategies), rows)


def _gain(row: Mapping[Any, Any]) -> str:
    gain = f"{row['gain']:+.1f}"
    return {"won": f"**{gain}**", "lost": f"~~{gain}~~"}.get(row["verdict"], gain)


def _order(order: pd.DataFrame) -> list[str]:
    """Return how the pairs of the published order came out, by labels a class."""
    if order.empty:
        return []
    words = (
        "BAIT and DropQuery ahead of TypiClust, that ahead of margin, k-center below random: what "
        "Gupte et al. 2024 found on features of large pre-trained networks. Mean difference of "
        "each pair in points, seed by seed, over the cells; in brackets cells as published, open "
        f"and reversed by Holm's p below {LEVEL:g} over all {len(order) // len(MEASURES)} "
        "comparisons of the measure."
    )
    heads = ("labels", "measure", *(f"{ahead} - {behind}" for ahead, behind in PAIRS))
    rows = [
        (labels, IN_WORDS[measure], *(_pair(part, *pair) for pair in PAIRS))
        for low, high, labels in STAGES
        for measure in MEASURES
        if len(part := _stage(order, low, high, measure))
    ]
    return [_ORDER, "", words, "", *table(heads, rows)]


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


def _full(study: Study) -> list[str]:
    means = full_labels(study)
    if means.empty:
        return []
    places = means.reset_index()
    names = telling_apart(places)
    rows = [
        (*(row[name] for name in names), *(f"{row[measure]:.3f}" for measure in MEASURES))
        for row in places.to_dict("records")
    ]
    return [_FULL, "", *table((*names.values(), *IN_WORDS.values()), rows)]
