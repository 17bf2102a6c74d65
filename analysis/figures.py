"""Figures beside the curves: tables in, pictures out, one dataset x encoder each.

Nothing is computed here but where to draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis import stats, style
from analysis.style import Line

Looks = Mapping[str, Line]
Row = Mapping[Any, Any]
NARROW = 6.4  # inches


def class_heat_map(distribution: pd.DataFrame) -> Figure:
    """Show which classes were chosen, at the fewest and the most labels, over the pool's shares."""
    ends = sorted({distribution["labelled"].min(), distribution["labelled"].max()})
    tables = [distribution[distribution["labelled"] == end] for end in ends]
    shares = [_share_matrix(table) for table in tables]
    rows = [len(matrix) for matrix in shares]
    classes = shares[0].shape[1]
    height = 0.27 * sum(rows) + 0.55 * len(rows) + 0.9
    figure = style.new_figure(min(12.0, max(NARROW, 2.6 + 0.62 * classes)), height)
    axes = figure.subplots(len(ends), 1, squeeze=False, height_ratios=rows)[:, 0]
    top = max(float(np.nanmax(matrix.to_numpy())) for matrix in shares)
    for axis, matrix, end in zip(axes, shares, ends, strict=True):
        image = _draw_heat_map(axis, matrix, top)
        axis.set_title(f"{end} labelled images")
        axis.tick_params(labelbottom=axis is axes[-1])
    bar = figure.colorbar(image, ax=list(axes), shrink=0.6, aspect=30, pad=0.02)
    bar.set_label("share of the labelled images")
    bar.outline.set_visible(False)
    return figure


def dataset_map(
    confidence: Mapping[float, np.ndarray], variability: Mapping[float, np.ndarray]
) -> Figure:
    """Draw variability against confidence at every tau; lighter where images crowd."""
    taus = sorted(confidence, reverse=True)
    columns = style.columns_for(len(taus))
    rows = -(-len(taus) // columns)
    figure = style.new_figure(3.2 * columns + 0.6, 3.1 * rows)
    axes = style.grid_axes(figure, rows, columns)
    for axis, tau in zip([a for row in axes for a in row], taus, strict=False):
        _draw_map(axis, variability[tau], confidence[tau])
        axis.set_title(f"τ = {tau:g}")
    style.label_outer(
        axes, len(taus), "variability (std over epochs)", "confidence (mean over epochs)"
    )
    return figure


def first_against_last(first_last: pd.DataFrame, correlation: pd.DataFrame, looks: Looks) -> Figure:
    """Scatter the AUC after the last query over that after the first, by query strategy."""
    panels = correlation.to_dict("records")
    columns = style.columns_for(len(panels))
    rows = -(-len(panels) // columns)
    figure = style.new_figure(max(3.2 * columns, 4.0), 3.1 * rows + 0.5)
    axes = style.grid_axes(figure, rows, columns, sharex=True, sharey=True)
    flat = [axis for row in axes for axis in row]
    for axis, found in zip(flat, panels, strict=False):
        here = _same(first_last, found, ("strategy", "learner"))
        _draw_pairs(axis, first_last[here], looks)
        axis.set_title(f"{found['strategy']}: {_correlation_text(found)}")
    ends = correlation[["labelled_first", "labelled_last"]].drop_duplicates()
    same = len(ends) == 1
    first, last = ends.iloc[0] if same else ("", "")
    style.label_outer(
        axes,
        len(panels),
        f"AUC with {first} labels" if same else "AUC after the first query",
        f"AUC with {last} labels" if same else "AUC after the last query",
    )
    style.legend_below(figure)
    return figure


def _share_matrix(distribution: pd.DataFrame) -> pd.DataFrame:
    """Rows: the pool, then who chose; columns: classes; values: shares of the labelled images."""
    shares = distribution.pivot_table(
        index="selection", columns="class_index", values="share", sort=False
    ).sort_index(axis=1)
    pool = distribution.groupby("class_index")["pool_share"].first().to_frame("the pool").T
    matrix = pd.concat([pool, shares]) if pool.notna().all(axis=None) else shares
    names = dict(zip(distribution["class_index"], distribution["class"], strict=True))
    return matrix.rename(columns=names)


def _draw_heat_map(axis: Axes, matrix: pd.DataFrame, top: float) -> QuadMesh:
    values = matrix.to_numpy(np.float64)
    image = axis.pcolormesh(values, cmap=style.SEQUENTIAL, vmin=0, vmax=top, edgecolors="face")
    axis.invert_yaxis()
    axis.set_yticks(np.arange(len(matrix)) + 0.5, [str(name) for name in matrix.index])
    short = max(map(len, map(str, matrix.columns))) <= 3
    upright: dict[str, Any] = {"rotation": 0}
    slanted: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axis.set_xticks(
        np.arange(values.shape[1]) + 0.5,
        [str(c) for c in matrix.columns],
        **(upright if short else slanted),
    )
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    if matrix.index[0] == "the pool":
        axis.axhline(1, color="white", lw=3)
    if values.shape[1] <= 20:
        _write_shares(axis, values, top)
    return image


def _write_shares(axis: Axes, values: np.ndarray, top: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        color = "#000000" if value > 0.55 * top else "#ffffff"
        text = f"{value:.2f}".lstrip("0")
        middle: dict[str, Any] = {"ha": "center", "va": "center"}
        written = axis.text(column + 0.5, row + 0.5, text, color=color, size=7.5, **middle)
        written.set_in_layout(False)  # it lies inside; measuring hundreds takes seconds


def _draw_map(axis: Axes, variability: np.ndarray, confidence: np.ndarray) -> None:
    density = stats.point_density(variability, confidence)
    order = np.argsort(density, kind="stable")
    size = float(np.clip(6000 / max(len(order), 1), 0.8, 9))
    shade = np.sqrt(density[order])
    x, y = variability[order], confidence[order]
    # One picture inside the SVG: tens of thousands of marks would make it megabytes.
    axis.scatter(x, y, c=shade, s=size, cmap="viridis", vmin=0, lw=0, rasterized=True)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(MaxNLocator(nbins=5))


def _draw_pairs(axis: Axes, trials: pd.DataFrame, looks: Looks) -> None:
    for name, points in trials.groupby("initial", sort=False):
        look = looks[str(name)]
        marks: dict[str, Any] = {"s": 22, "alpha": 0.85, "lw": 0, "color": look.color}
        marker = "o" if look.marker == "." else look.marker
        axis.scatter(points["auc_first"], points["auc_last"], marker=marker, label=name, **marks)


def _same(table: pd.DataFrame, row: Row, names: Iterable[str]) -> npt.NDArray[np.bool_]:
    same = np.ones(len(table), dtype=bool)
    for name in names:
        same &= (table[name] == row[name]).to_numpy()
    return same


def _correlation_text(found: Row) -> str:
    r, p = found["r"], found["p"]
    if np.isnan(r):
        return "no r"
    return f"r = {r:.2f}, " + (f"p = {p:.3f}" if p >= 0.001 else "p < .001")
