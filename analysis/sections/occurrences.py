"""How many classes have how many labeled images (Pourahmadi et al. 2021, Figure 3).

Where there are hundreds of classes, shares by class are no longer to be read; equal numbers of all
would be one peak, and what a strategy has missed stands at 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from analysis.figures.occurrences import occurrences
from analysis.figures.spec import PLACE, FigureSpec, subsets
from analysis.figures.style import lines
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.sections.classes import counted_selections
from analysis.study.grouping import to_frame
from analysis.study.study import Study

LEAST_CLASSES = 20  # with fewer, the heat map of shares says it better
COLUMNS = [
    *PLACE, "selection", "rounds", "round", "labelled", "trials", "occurrences", "classes", "share",
]  # fmt: skip


def tables(study: Study, _earlier: Tables) -> Tables:
    """Rows by number of labeled images, of data with many classes."""
    return non_empty({"class_occurrences": class_occurrences(study)})


def class_occurrences(study: Study) -> pd.DataFrame:
    """Mean number of classes, and share of them, that have so many labeled images.

    Counted in each trial and averaged over seeds and learners, for every number of images up to one
    more than the largest that any class has in one of them.
    """
    rows = []
    for key, group in counted_selections(study):
        counts = np.array(group["class_counts"].to_list(), dtype=np.int64)  # (trials, C)
        if counts.shape[1] < LEAST_CLASSES:
            continue
        which = {name: value for name, value in key.items() if name != "dataset_name"}
        for k in range(int(counts.max()) + 2):
            classes = float((counts == k).sum(axis=1).mean())
            row = {"trials": len(counts), "occurrences": k, "classes": classes}
            rows.append({**which, **row, "share": classes / counts.shape[1]})
    return to_frame(rows, COLUMNS)


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan one figure for each dataset and encoder, single queries and cycles apart."""
    table = tables.get("class_occurrences", to_frame([], COLUMNS))
    for file, place, part in subsets(table):
        names = list(map(str, part["selection"].unique()))
        yield FigureSpec(
            "occurrences",
            file,
            f"How often classes were chosen on {place}",
            "Number of classes with so many labeled images, averaged over seeds and learners. With "
            "equal numbers of every class all would stand at the dashed line; at 0 are the classes "
            "without a label.",
            f"Line chart of the number of classes by labeled images of a class: {len(names)} "
            "selections.",
            "class_occurrences.csv",
            partial(occurrences, part, lines(names, study.baseline)),
        )


@section(
    "occurrences",
    title="Occurrences",
    heading="How often classes were chosen",
    order=35,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """The figures, where there are classes enough."""
    yield from report.gallery("occurrences")
