"""What a learner's last layer makes of the pool, query by query, in a plane each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style, tooltips
from analysis.figures.text import printable

SIDE = 2.25  # inches of a panel
CHOSEN = "#d55e00"


def learned_planes(table: pd.DataFrame) -> Figure:
    """Draw a row of panels for each strategy, a column for each number of labels.

    Args:
        table: learned_planes of one dataset, encoder, learner, first query and seed; rows of the
            strategies and rounds to be drawn.
    """
    strategies = list(dict.fromkeys(table["strategy"]))
    numbers = sorted(table["round"].unique())
    figure = style.new_figure(SIDE * len(numbers) + 0.4, SIDE * len(strategies) + 0.5)
    axes = style.grid_axes(figure, len(strategies), len(numbers))
    for i, strategy in enumerate(strategies):
        for j, number in enumerate(numbers):
            of_strategy, of_round = table["strategy"] == strategy, table["round"] == number
            _draw(axes[i][j], table[of_strategy & of_round], titled=i == 0)
        axes[i][0].set_ylabel(printable(strategy, 30))
    style.legend_below(figure)
    return figure


def _draw(axis: Axes, plane: pd.DataFrame, *, titled: bool) -> None:
    """Scatter the unlabeled images by class, faint, and the chosen ones above them."""
    axis.grid(visible=False)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    if plane.empty:
        return
    others, chosen = plane[~plane["chosen"]], plane[plane["chosen"]]
    size = float(np.clip(4000 / len(plane), 3, 14))
    known = bool((others["class_index"] >= 0).any())
    colors = others["class_index"] % 20 if known else "#9a9da3"
    shades: dict[str, Any] = {"cmap": "tab20", "vmin": 0, "vmax": 19} if known else {}
    axis.scatter(
        others["x"], others["y"], c=colors, s=size, alpha=0.4, lw=0, rasterized=True, **shades
    )
    dots = axis.scatter(
        chosen["x"], chosen["y"], color=CHOSEN, s=2.5 * size, edgecolors="#ffffff", linewidths=0.5,
        label="chosen by this query", zorder=3,
    )  # fmt: skip
    tooltips.attach(dots, [f"image {index}" for index in chosen["index"]])
    if titled:
        axis.set_title(f"{plane['labeled_before'].iloc[0]} labels")
