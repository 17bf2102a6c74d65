"""Which classes the labels are of after each query of cycles (Bengar et al. 2022, Figures 2, 3).

The section on classes shows the first and the last number of labels; here is the way between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from analysis.figures.class_shares import MOST_PANELS, class_shares
from analysis.figures.spec import FigureSpec, subsets
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, section
from analysis.study.study import Study

LEAST_ROUNDS = 3  # with fewer, first and last are all


def figures(_study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan a figure of each dataset and encoder that has cycles of three rounds or more."""
    distribution = tables["class_distribution"]
    rounds = pd.to_numeric(distribution["rounds"])
    for file, place, part in subsets(distribution[rounds >= LEAST_ROUNDS]):
        after = part[part["round"] > 0]
        selections = after["selection"].nunique()
        if not selections:
            continue
        more = f" The first {MOST_PANELS} of {selections}." if selections > MOST_PANELS else ""
        yield FigureSpec(
            "classes-by-round",
            file,
            f"Classes of the labels after each query on {place}",
            "Share of each class among the labeled images after each query but the first, averaged "
            f"over seeds and learners; the top row is the pool itself.{more}",
            f"Heat maps of {min(selections, MOST_PANELS)} selections: number of labels by "
            f"{part['class_index'].nunique()} classes.",
            "class_distribution.csv",
            partial(class_shares, after),
        )


@section(
    "classes-by-round",
    title="Classes by round",
    heading="Classes of the labels, query by query",
    order=32,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """The figures, where there are cycles."""
    yield from report.gallery("classes-by-round")
