"""The pool as the learner saw it that each query was made by (Kasarla et al. 2024, Figure 2).

Of sweeps with `record_embeddings`, whose records hold a plane of each later query of one seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.learned_planes import learned_planes
from analysis.figures.spec import FigureSpec
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.study.embeddings import UNKNOWN, StoredEmbedding
from analysis.study.grouping import groups, to_frame
from analysis.study.study import Study

OF = ["dataset", "encoder", "learner", "initial"]  # what a figure is of
MOST_STRATEGIES, MOST_ROUNDS = 8, 5
COLUMNS = [
    *OF, "strategy", "seed", "round", "labeled_before", "index", "class_index", "x", "y", "chosen",
]  # fmt: skip


def tables(study: Study, _earlier: Tables) -> Tables:
    """Every image of the planes that records hold."""
    return non_empty({"learned_planes": planes_of(study)})


def planes_of(study: Study) -> pd.DataFrame:
    """Return a row for each image of each plane; chosen: by the query that the plane is of."""
    trials = study.distinct_trials.set_index("trial").to_dict("index")
    embeddings = {embedding.key: embedding for embedding in study.embeddings}
    planes = [
        plane
        for record in study.run.records
        if (trial := trials.get(record["trial"]))
        for plane in _of_trial(record, trial, embeddings.get(trial["artefact"]))
    ]
    return pd.concat(planes, ignore_index=True)[COLUMNS] if planes else to_frame([], COLUMNS)


def figures(_study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan a figure for each dataset, encoder, learner and first query."""
    if "learned_planes" not in tables:
        return
    for number, (of, table) in enumerate(groups(tables["learned_planes"], OF)):
        shown = _shown(table)
        place = f"{of['dataset']}, {of['learner']}"
        yield FigureSpec(
            "learned-embeddings",
            f"{of['dataset']}-{of['encoder']}-{number}",
            f"The pool as the learner saw it, {place}",
            f"Up to {int(shown.groupby(['strategy', 'round']).size().max()):,} of the images that "
            "had no label, by t-SNE of what the last layer saw of the learner that the query was "
            f"made by, colored by class where known; a row per query strategy after {of['initial']}"
            f" as the start (seed {shown['seed'].min()}), a column per round. Each panel is laid "
            "out by itself: places do not compare from one to the next.",
            f"Scatter of the pool for {shown['strategy'].nunique()} query strategies by round; "
            "positions and choices are in learned_planes.csv.",
            "learned_planes.csv",
            partial(learned_planes, shown),
        )


@section(
    "learned-embeddings",
    title="Learned embeddings",
    heading="The pool as the learner saw it",
    order=106,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """The figures, where the sweep asked for planes to be recorded."""
    yield from report.gallery("learned-embeddings")


def _of_trial(
    record: Mapping[str, Any], trial: Mapping[Any, Any], embedding: StoredEmbedding | None
) -> Iterator[pd.DataFrame]:
    for row in record["rounds"]:
        if "query_plane" not in row:
            continue
        plane = pd.DataFrame(row["query_plane"])
        images = plane["index"].to_numpy(np.int64)
        classes = embedding.images.classes(images) if embedding else None
        yield plane.assign(
            **{name: trial[name] for name in (*OF, "strategy", "seed")},
            round=row["round"],
            labeled_before=row["labelled"] - row["budget"],
            class_index=UNKNOWN if classes is None else classes,
            chosen=np.isin(images, row["selected"]),
        )


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the first strategies, and of rounds from the first to the last, evenly."""
    strategies = list(dict.fromkeys(table["strategy"]))[:MOST_STRATEGIES]
    rounds = np.unique(table["round"])
    places = np.linspace(0, len(rounds) - 1, min(MOST_ROUNDS, len(rounds))).round().astype(int)
    return table[table["strategy"].isin(strategies) & table["round"].isin(rounds[places])]
