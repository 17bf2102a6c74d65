"""Does a good start last: AUC after the last query over that after the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style, tooltips
from analysis.figures.curves import Looks
from analysis.figures.text import printable

Row = Mapping[Any, Any]


def first_against_last(first_last: pd.DataFrame, correlation: pd.DataFrame, looks: Looks) -> Figure:
    """Scatter the AUC after the last query over that after the first, by query strategy.

    Args:
        first_last: a row for each trial.
        correlation: of the means of the initial strategies, a row for each query strategy.
        looks: of the initial strategies.
    """
    panels = correlation.to_dict("records")
    columns = style.columns_for(len(panels))
    rows = -(-len(panels) // columns)
    figure = style.new_figure(max(3.2 * columns, 4.0), 3.1 * rows + 0.5)
    axes = style.grid_axes(figure, rows, columns, sharex=True, sharey=True)
    flat = [axis for row in axes for axis in row]
    for axis, panel in zip(flat, panels, strict=False):
        same = (first_last["strategy"] == panel["strategy"]) & (
            first_last["learner"] == panel["learner"]
        )
        _draw_pairs(axis, first_last[same], looks)
        name = printable(panel["strategy"], 28)
        axis.set_title(f"{name}: {_correlation_text(panel)}")
    style.label_outer(axes, len(panels), *_labels(correlation))
    style.legend_below(figure)
    return figure


def _labels(correlation: pd.DataFrame) -> tuple[str, str]:
    """Names of the axes; with numbers of labels where they are the same in all panels."""
    ends = correlation[["labelled_first", "labelled_last"]].drop_duplicates()
    if len(ends) > 1:
        return "AUC after the first query", "AUC after the last query"
    first, last = ends.iloc[0]
    return f"AUC with {first} labels", f"AUC with {last} labels"


def _draw_pairs(axis: Axes, trials: pd.DataFrame, looks: Looks) -> None:
    trials = trials.dropna(subset=["auc_first", "auc_last"])
    for name, points in trials.groupby("initial", sort=False):
        look = looks[str(name)]
        marks: dict[str, Any] = {"lw": 0, "color": look.color}
        marker = "o" if look.marker == "." else look.marker
        label = style.legend_name(name)
        x, y = points["auc_first"], points["auc_last"]
        dots = axis.scatter(x, y, marker=marker, s=10, alpha=0.3, **marks)
        means = float(x.mean()), float(y.mean())
        mean = axis.scatter(*means, marker=marker, s=36, alpha=0.95, label=label, **marks)
        tooltips.attach(
            mean,
            [f"{label.strip()}, mean of {len(x)}: {means[0]:.3f}, then {means[1]:.3f}"],
        )
        values = zip(points["seed"], x, y, strict=True)
        tooltips.attach(dots, [f"{label.strip()}, seed {s}: {a:.3f}, then {b:.3f}"
                            for s, a, b in values])  # fmt: skip


def _correlation_text(correlation: Row) -> str:
    r, p = correlation["r"], correlation["p"]
    if np.isnan(r):
        return "no r"
    shown = f"r = {r:.2f}, ".replace("-", "\N{MINUS SIGN}")
    return shown + (f"p = {p:.3f}" if p >= 0.001 else "p < .001") + f", n = {correlation['n']}"
