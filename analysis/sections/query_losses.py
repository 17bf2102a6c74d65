"""Entropy and imbalance of a query over lambda (Bengar et al. 2022, Figure 4).

Of sweeps with `record_losses`: both terms that class-balanced choice trades off, as the learner
that was there to choose by sees the chosen images.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from analysis.figures.query_losses import query_losses
from analysis.figures.spec import FigureSpec, subsets
from analysis.figures.style import lines
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.study.grouping import GROUP_KEYS, as_labels, groups, to_frame
from analysis.study.study import Study

LOSSES = ("query_entropy", "query_l1_loss")
LAMBDA = "strategy.class_balanced.lambda"
COLUMNS = [
    *GROUP_KEYS, "component", "lambda", "n",
    *(f"{loss}_{end}" for loss in LOSSES for end in ("mean", "std")),
]  # fmt: skip


def tables(study: Study, _earlier: Tables) -> Tables:
    """Rows by strategy and number of labels, where records have the losses."""
    return non_empty({"query_losses": losses_of(study)})


def losses_of(study: Study) -> pd.DataFrame:
    """Mean and sample deviation over seeds of both losses, with lambda where it is a number."""
    if LOSSES[0] not in study.rounds:
        return to_frame([], COLUMNS)
    losses = study.rounds.dropna(subset=list(LOSSES))
    recorded = as_labels(losses).assign(component=losses["strategy"])
    weights = recorded[LAMBDA] if LAMBDA in recorded else pd.Series(dtype=float)
    recorded["lambda"] = pd.to_numeric(weights, errors="coerce").reindex(recorded.index)
    rows = []
    for key, group in groups(recorded, [*GROUP_KEYS, "component", "lambda"]):
        row = {**key, "n": len(group)}
        for loss in LOSSES:
            values = group[loss].astype("float64")
            row |= {f"{loss}_mean": values.mean(), f"{loss}_std": values.std()}
        rows.append(row)
    return to_frame(rows, COLUMNS)


def figures(study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan a figure of each dataset and encoder where lambda varies, of the first such query."""
    table = tables.get("query_losses", to_frame([], COLUMNS))
    for file, place, part in subsets(table):
        first = part[part["round"] == part["round"].min()]
        without = list(map(str, first.loc[first["lambda"].isna(), "strategy"].unique()))
        values = first.groupby("component")["lambda"].nunique().max()
        if values < 2:
            continue
        yield FigureSpec(
            "query-losses",
            file,
            f"Entropy and imbalance of a query over λ on {place}",
            "Sum of the chosen images' entropies, and the L1 distance of what the learner expects "
            "of each class from what the class lacks, of the first query that a learner scored; "
            "means over seeds, learners and first queries, bars one sample standard deviation of "
            "seeds. Dashed: strategies without λ.",
            f"Two line charts over {values} values of lambda, with {len(without)} other strategies "
            "as horizontal lines.",
            "query_losses.csv",
            partial(query_losses, first, lines(without, study.baseline)),
        )


@section(
    "query-losses",
    title="Query losses",
    heading="What a query trades off: entropy against balance",
    order=82,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """The figures, where lambda varies and the losses were recorded."""
    yield from report.gallery("query-losses")
