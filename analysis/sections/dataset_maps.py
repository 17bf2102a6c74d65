"""Dataset maps: how well an encoder told each image's views apart while it trained."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from analysis.figures.dataset_maps import dataset_map
from analysis.figures.spec import FigureSpec
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.study.study import Study
from rayal.storage.dataset_map import to_columns

FIRST = ["dataset", "encoder", "artefact"]
OF_TRUTH = (
    " By the true classes: by how sure a classifier was of the right class, low is hard to learn."
)


def tables(study: Study, _earlier: Tables) -> Tables:
    """The maps of all embeddings, a row per image."""
    parts = [
        pd.DataFrame(to_columns(embedding.dataset_map)).assign(**embedding.place)
        for embedding in study.embeddings
        if embedding.dataset_map is not None
    ]
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=FIRST)
    rest = [name for name in joined if name not in FIRST]
    return non_empty({"dataset_map": joined[[*FIRST, *rest]]})


def figures(study: Study, _tables: Tables) -> Iterator[FigureSpec]:
    """Plan a figure of each map that has a value."""
    for embedding in study.embeddings:
        recorded = embedding.dataset_map
        if recorded is None or not (recorded.confidence or recorded.truth):
            continue
        n = len(recorded.count)
        yield FigureSpec(
            "map",
            f"{embedding.dataset}-{embedding.encoder}",
            f"Dataset map of {embedding.dataset}, {embedding.encoder}",
            f"Each of {n:,} pool images by how well the encoder told its views apart while it "
            "trained, per temperature τ: low confidence is hard to contrast. Brighter where "
            f"images crowd.{OF_TRUTH if recorded.truth else ''}",
            f"Scatter of variability and confidence of {n:,} images.",
            "dataset_map.csv",
            partial(dataset_map, recorded.confidence, recorded.variability, recorded.truth),
        )


@section("maps", title="Maps", heading="Dataset maps", order=110, tables=tables, figures=figures)
def content(report: Report) -> Iterator[Block]:
    """A figure of each map."""
    yield from report.gallery("map")
