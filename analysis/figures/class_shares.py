"""Shares of the classes among the labels, a row for each number of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis.figures import style, tooltips
from analysis.figures.class_heat_map import THE_POOL
from analysis.figures.text import printable

MOST_PANELS = 9  # selections; the others are in the CSV
MOST_NAMES = 12  # classes and rows that are named


def class_shares(distribution: pd.DataFrame) -> Figure:
    """Draw a heat map for each selection: numbers of labels by classes, under the pool's shares.

    Args:
        distribution: class_distribution of one dataset, encoder and shape.
    """
    names = list(distribution["selection"].unique())[:MOST_PANELS]
    columns = style.columns_for(len(names))
    rows = -(-len(names) // columns)
    figure = style.new_figure(max(4.6, 3.6 * columns), 2.6 * rows + 0.4)
    axes = style.grid_axes(figure, rows, columns)
    flat = [axis for row in axes for axis in row]
    top = float(np.nanmax(distribution[["share", "pool_share"]].to_numpy(np.float64)))
    image = None
    for axis, name in zip(flat, names, strict=False):
        image = _draw(axis, distribution[distribution["selection"] == name], top)
        axis.set_title(printable(str(name), 32), fontsize=8)
    style.label_outer(axes, len(names), "class", "labeled images")
    assert image is not None
    bar = figure.colorbar(image, ax=flat, shrink=0.7, aspect=30, pad=0.02)
    bar.set_label("share of the labeled images")
    bar.outline.set_visible(False)
    return figure


def _draw(axis: Axes, table: pd.DataFrame, top: float) -> QuadMesh:
    matrix = table.pivot_table(index="labelled", columns="class_index", values="share")
    pool = table.groupby("class_index")["pool_share"].first()
    labels = [str(labelled) for labelled in matrix.index]
    values = matrix.to_numpy(np.float64)
    if pool.notna().all():
        values, labels = np.vstack([pool.to_numpy(np.float64), values]), [THE_POOL, *labels]
        axis.axhline(1, color="white", lw=2)
    image = axis.pcolormesh(values, cmap=style.SEQUENTIAL, vmin=0, vmax=top, edgecolors="face")
    classes = table.drop_duplicates("class_index").set_index("class_index")["class"]
    shown = [printable(str(classes[index]), 16) for index in matrix.columns]
    texts = [
        f"{labels[row]}, {shown[c]}: {value:.3f}" for (row, c), value in np.ndenumerate(values)
    ]
    tooltips.attach(image, texts)
    axis.invert_yaxis()
    every = -(-len(labels) // MOST_NAMES)
    axis.set_yticks(np.arange(0, len(labels), every) + 0.5, labels[::every])
    if len(shown) <= MOST_NAMES:
        slanted: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
        axis.set_xticks(np.arange(len(shown)) + 0.5, shown, fontdict={"fontsize": 7}, **slanted)
    else:
        axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return image
