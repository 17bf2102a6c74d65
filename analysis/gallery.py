"""All figures of a run, each with its file name, caption and words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from analysis import curves, figures, style
from analysis.frame import Study
from analysis.tables import CYCLES, shapes

Tables = dict[str, pd.DataFrame]
PLACE = ["dataset", "encoder"]


class Picture(NamedTuple):
    """A drawn figure with its words."""

    kind: str
    name: str
    title: str
    caption: str
    alt: str
    svg: str
    png: bytes


class _Draft(NamedTuple):
    kind: str
    place: str
    title: str
    caption: str
    alt: str
    draw: Callable[[], Figure]


def pictures(study: Study, tables: Tables) -> list[Picture]:
    """Draw every figure that the finished trials allow."""
    drafts = [*_curves(study, tables), *_classes(tables), *_ends(study, tables), *_maps(study)]
    names = style.file_names([f"{draft.kind}-{draft.place}" for draft in drafts])
    return [_drawn(draft, name) for draft, name in zip(drafts, names, strict=True)]


def _drawn(draft: _Draft, name: str) -> Picture:
    svg, png = style.as_files(draft.draw)
    return Picture(draft.kind, name, draft.title, draft.caption, draft.alt, svg, png)


class _Place(NamedTuple):
    """The rows of one dataset x encoder, and what to call them in file names and titles."""

    file: str
    words: str
    rows: pd.DataFrame


def _places(table: pd.DataFrame) -> Iterator[_Place]:
    """Split a table by dataset x encoder, with single queries and cycles apart."""
    for (shape, dataset, encoder), part in table.groupby([shapes(table), *PLACE], sort=False):
        suffix, words = ("-cycles", ", in cycles") if shape == CYCLES else ("", "")
        yield _Place(f"{dataset}-{encoder}{suffix}", f"{dataset}, {encoder}{words}", part)


def _curves(study: Study, tables: Tables) -> Iterator[_Draft]:
    summary = tables["summary"]
    looks = curves.colours_of(summary, study.baseline)
    for file, place, part in _places(summary[summary["done"] > 0]):
        for measure, words in (("auc", "AUC"), ("coverage", "class coverage")):
            yield _Draft(
                measure,
                file,
                f"{words[0].upper()}{words[1:]} on {place}",
                f"Mean {words} on the {_of_what(measure)} over seeds; the band is one sample "
                f"standard deviation either way. {_seed_range(part)}",
                _ends_in_words(part, measure, words),
                partial(curves.curves, part, measure, words, looks),
            )


def _classes(tables: Tables) -> Iterator[_Draft]:
    for file, place, part in _places(tables["class_distribution"]):
        yield _Draft(
            "classes",
            file,
            f"Which classes were chosen on {place}",
            "Share of each class among the labelled images, averaged over seeds; the top row is "
            "the pool itself. A row like the pool's follows it; an even row is balanced.",
            f"Heat map of {part['selection'].nunique()} ways to choose by "
            f"{part['class_index'].nunique()} classes; its numbers are in class_distribution.csv.",
            partial(figures.class_heat_map, part),
        )


def _ends(study: Study, tables: Tables) -> Iterator[_Draft]:
    looks = curves.colours_of(tables["summary"], study.baseline)
    correlation = tables["correlation"]
    for (dataset, encoder), part in tables["first_last"].groupby(PLACE, sort=False):
        here = (correlation["dataset"] == dataset) & (correlation["encoder"] == encoder)
        found = correlation[here]
        yield _Draft(
            "first-last",
            f"{dataset}-{encoder}",
            f"Does a good start last? {dataset}, {encoder}",
            "AUC after the last query against AUC after the first, a point per trial, a panel per "
            "query strategy; colour tells the initial strategy.",
            "; ".join(
                f"{row.strategy}: r = {row.r:.2f}, n = {row.n}" for row in found.itertuples()
            ),
            partial(figures.first_against_last, part, found, looks),
        )


def _maps(study: Study) -> Iterator[_Draft]:
    artefacts = study.run.plan["artefacts"]
    stages = study.trials.drop_duplicates("artefact").set_index("artefact")
    for key, about in artefacts.items():
        asked = about["has_map"] and key in stages.index
        if asked and (found := study.dataset_map(key)) is not None:
            dataset, encoder = stages.loc[key, ["dataset_label", "encoder_label"]]
            yield _Draft(
                "map",
                f"{dataset}-{encoder}",
                f"Dataset map of {dataset}, {encoder}",
                f"Each of {len(found.count):,} pool images by how well the encoder told its views "
                "apart while it trained, per temperature τ: low confidence is hard to contrast. "
                "Brighter where images crowd.",
                f"Scatter of variability and confidence of {len(found.count):,} images.",
                partial(figures.dataset_map, found.confidence, found.variability),
            )


def _of_what(measure: str) -> str:
    return "test set" if measure == "auc" else "labelled images (classes with a label / classes)"


def _seed_range(part: pd.DataFrame) -> str:
    low, high = int(part["done"].min()), int(part["done"].max())
    return f"{low} trials a point." if low == high else f"{low} to {high} trials a point."


def _ends_in_words(part: pd.DataFrame, measure: str, words: str) -> str:
    last = part[part["labelled"] == part["labelled"].max()]
    best = last.sort_values(f"{measure}_mean", ascending=False).head(3)
    listed = "; ".join(
        f"{row['initial']}, then {row['strategy']} {row[f'{measure}_mean']:.3f}"
        if row["rounds"] > 1
        else f"{row['strategy']} {row[f'{measure}_mean']:.3f}"
        for _, row in best.iterrows()
    )
    return (
        f"Line chart of {words} against labelled images. Highest with {part['labelled'].max()} "
        f"labels: {listed}. All values are in summary.csv."
    )
