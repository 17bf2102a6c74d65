"""The images that each selection chose, with their classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.contact_sheets import MOST_IMAGES, MOST_ROWS, SheetRow, contact_sheet
from analysis.figures.spec import PLACE, FigureSpec, subsets
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.study.embeddings import UNKNOWN, StoredEmbedding
from analysis.study.grouping import groups, in_sequence, to_frame
from analysis.study.study import Study

MOST_SHEETS = 12
SELECTION = [*PLACE, "initial", "strategy", "learner", "rounds"]
CHOSEN = [*PLACE, "artefact", "rounds", "initial", "strategy", "learner", "seed", "round",
          "labelled", "order", "index", "class_index", "class", "path"]  # fmt: skip


def tables(study: Study, _earlier: Tables) -> Tables:
    """The images chosen, where the embedding is on disk."""
    return non_empty({"chosen_images": chosen_images(study)})


def chosen_images(study: Study) -> pd.DataFrame:
    """What one trial of each selection chose: the lowest seed, in single queries the fewest labels.

    Of pools whose embedding is on disk; classes as far as they are known.
    """
    trials = study.trials[["trial", "artefact"]].drop_duplicates()
    view = study.distinct_rounds.merge(trials, on="trial")
    by_key = {embedding.key: embedding for embedding in study.embeddings}
    view = view[view["selected"].notna() & view["artefact"].isin(by_key)]
    rows = (
        row
        for _, part in groups(view, SELECTION)
        for row in _of_one_trial(part, by_key[str(part["artefact"].iloc[0])])
    )
    table = to_frame(rows, CHOSEN)
    return table if table["path"].astype(bool).any() else table.drop(columns="path")


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan a contact sheet for each of the first pools."""
    chosen = tables.get("chosen_images", to_frame([], CHOSEN))
    by_key = {embedding.key: embedding for embedding in study.embeddings}
    drawn = 0
    for file, place, part in subsets(chosen):
        sheet = list(_sheet_rows(part, by_key))[:MOST_ROWS]
        if not sheet or drawn == MOST_SHEETS:
            continue
        drawn += 1
        cycles = bool((part["rounds"] > 1).any())
        when = "of the last round" if cycles else f"of the first {part['labelled'].min()}"
        yield FigureSpec(
            "chosen",
            file,
            f"Images chosen on {place}",
            f"Images {when} that each selection chose, in its order, {MOST_IMAGES} at most, with "
            f"their true classes where known (seed {part['seed'].min()}).",
            f"Contact sheet of the images chosen by {len(sheet)} selections; "
            f"{_classes_in_words(sheet)}",
            "chosen_images.csv",
            partial(contact_sheet, sheet),
        )


@section(
    "chosen",
    title="Images",
    heading="Selected images",
    order=100,
    begin_early=True,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """Contact sheets."""
    yield from report.gallery("chosen")


def _of_one_trial(part: pd.DataFrame, embedding: StoredEmbedding) -> Iterator[dict[str, Any]]:
    """Images of the lowest seed, at the fewest labels, with their classes where known."""
    part = part[part["seed"] == part["seed"].min()]
    fewest = part.sort_values("labelled", kind="stable")["trial"].iloc[0]
    for row in part[part["trial"] == fewest].sort_values("round").to_dict("records"):
        shared = {name: row[name] for name in CHOSEN if name in row}
        indices = np.asarray(row["selected"], np.int64)
        classes, paths = embedding.images.classes_of_each(indices), embedding.images.paths(indices)
        for order, index in enumerate(indices):
            own = classes[order]
            c = own[0] if len(own) == 1 and not embedding.multilabel else UNKNOWN
            names = [embedding.classes[k] for k in own if k < len(embedding.classes)]
            columns = {
                "order": order,
                "index": int(index),
                "class_index": c,
                "class": "; ".join(names),
            }
            yield {**shared, **columns, "path": "" if paths is None else paths[order]}


def _sheet_rows(part: pd.DataFrame, by_key: dict[str, StoredEmbedding]) -> Iterator[SheetRow]:
    part = part[part["learner"] == part["learner"].iloc[0]]
    several = part["initial"].nunique() > 1 and bool((part["rounds"] > 1).all())
    for (initial, strategy), rows in part.groupby(["initial", "strategy"], sort=False):
        last = rows[rows["round"] == rows["round"].max()].head(MOST_IMAGES)
        indices = last["index"].to_numpy(np.int64)
        pictures = by_key[str(last["artefact"].iloc[0])].images.pictures(indices)
        if pictures is not None:
            name = in_sequence(str(initial), str(strategy)) if several else str(strategy)
            yield SheetRow(name, [str(c) for c in last["class"]], pictures)


def _classes_in_words(sheet: list[SheetRow]) -> str:
    counted = (
        f"{row.name}: " + ", ".join(f"{n} {c}" for c, n in _most_frequent(row.classes))
        for row in sheet[:4]
        if any(row.classes)
    )
    return "; ".join(counted) or "their indices are in chosen_images.csv"


def _most_frequent(classes: Sequence[str]) -> list[tuple[str, int]]:
    counts = pd.Series(classes).value_counts().head(5)
    return [(str(name), int(n)) for name, n in counts.items()]
