"""Which classes were chosen: a heat map of shares, with the entropy of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis.figures import style, tooltips
from analysis.figures.text import printable

NARROW, WIDE = 6.4, 12.0  # inches
MOST_ROWS = 24  # of one heat map; the others are in the CSV
MOST_WRITTEN = 20  # classes whose shares are written into the cells
THE_POOL = "the pool"


def class_heat_map(distribution: pd.DataFrame, entropy: pd.DataFrame) -> Figure:
    """Show which classes were chosen, at the fewest and the most labels, over the pool's shares.

    Args:
        distribution: class_distribution of one dataset, encoder and shape.
        entropy: class_entropy of the same; a row without one has no number at its end.
    """
    ends = sorted({distribution["labelled"].min(), distribution["labelled"].max()})
    tables = [distribution[distribution["labelled"] == end] for end in ends]
    shares = [_share_matrix(table) for table in tables]
    rows = [len(matrix) for matrix in shares]
    classes = shares[0].shape[1]
    height = 0.27 * sum(rows) + 0.55 * len(rows) + 0.9
    figure = style.new_figure(min(WIDE, max(NARROW, 3.2 + 0.62 * classes)), height)
    axes = figure.subplots(len(ends), 1, squeeze=False, height_ratios=rows)[:, 0]
    top = max(float(np.nanmax(matrix.to_numpy(), initial=0)) for matrix in shares) or 1.0
    for axis, matrix, end in zip(axes, shares, ends, strict=True):
        image = _draw_heat_map(axis, matrix, top)
        _write_entropy(axis, matrix, entropy, end)
        axis.set_title(f"{end} labeled images")
        axis.tick_params(labelbottom=axis is axes[-1])
    bar = figure.colorbar(image, ax=list(axes), shrink=0.6, aspect=30, pad=0.02)
    bar.set_label("share of the labeled images")
    bar.outline.set_visible(False)
    return figure


def _share_matrix(distribution: pd.DataFrame) -> pd.DataFrame:
    """Rows: the pool, then who chose; columns: classes; values: shares of the labeled images."""
    shares = distribution.pivot_table(
        index="selection", columns="class_index", values="share", sort=False
    ).sort_index(axis=1)
    pool = distribution.groupby("class_index")["pool_share"].first().to_frame(THE_POOL).T
    matrix = pd.concat([pool, shares]) if pool.notna().all(axis=None) else shares
    names = dict(zip(distribution["class_index"], distribution["class"], strict=True))
    return matrix.iloc[:MOST_ROWS].rename(columns=names)


def _draw_heat_map(axis: Axes, matrix: pd.DataFrame, top: float) -> QuadMesh:
    values = matrix.to_numpy(np.float64)
    image = axis.pcolormesh(values, cmap=style.SEQUENTIAL, vmin=0, vmax=top, edgecolors="face")
    names = [printable(name, 30) for name in matrix.columns]
    choosers = [printable(name, style.LONGEST) for name in matrix.index]
    texts = [f"{choosers[row]}: {names[c]} {value:.3f}"
             for (row, c), value in np.ndenumerate(values)]  # fmt: skip
    tooltips.attach(image, texts)
    axis.invert_yaxis()
    axis.set_yticks(np.arange(len(matrix)) + 0.5, choosers)
    _name_classes(axis, names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    if matrix.index[0] == THE_POOL:
        axis.axhline(1, color="white", lw=3)
    if values.shape[1] <= MOST_WRITTEN:
        _write_shares(axis, values, top)
    return image


def _name_classes(axis: Axes, names: list[str]) -> None:
    """Write class names, every so manyth where there are too many to read."""
    step = -(-len(names) // 60)
    at = np.arange(0, len(names), step)
    upright: dict[str, Any] = {"rotation": 0}
    slanted: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    short = max(map(len, names), default=0) <= 3 and step == 1 and len(names) <= 40
    axis.set_xticks(at + 0.5, [names[c] for c in at], **(upright if short else slanted))


def _write_shares(axis: Axes, values: npt.NDArray[np.float64], top: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        color = "#000000" if value > 0.55 * top else "#ffffff"
        text = f"{value:.2f}".lstrip("0")
        middle: dict[str, Any] = {"ha": "center", "va": "center"}
        written = axis.text(column + 0.5, row + 0.5, text, color=color, size=7.5, **middle)
        written.set_in_layout(False)  # it lies inside; measuring hundreds takes seconds


def _write_entropy(axis: Axes, matrix: pd.DataFrame, entropy: pd.DataFrame, end: int) -> None:
    """Write the entropy of the chosen classes at the end of each row, as HaCon does."""
    rows = entropy[(entropy["labelled"] == end) | (entropy["selection"] == THE_POOL)]
    known = dict(zip(rows["selection"], rows["class_entropy_mean"], strict=True))
    texts = [_number(known.get(name, np.nan)) for name in matrix.index]
    right = axis.secondary_yaxis("right")
    right.set_yticks(np.arange(len(matrix)) + 0.5, texts)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    axis.set_title("entropy", loc="right", fontsize=8.5, fontweight="normal")


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"
