"""A pool in a plane: clusters with easy and hard picks, and what cycles choose by round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style, tooltips
from analysis.figures.text import printable

SIDE = 3.0  # inches of a panel
MOST_STRATEGIES, MOST_ROUNDS = 4, 4
COLORMAP = "tab20"
PICKS = (("easy", "easiest", "o", "#009e73"), ("hard", "hardest", "X", "#000000"))
FAINT: dict[str, Any] = {"lw": 0, "rasterized": True, "zorder": 1}


def clusters(plane: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Draw a pool by cluster with the easy and the hard pick of each, then what strategies chose.

    Args:
        plane: plane_clusters of one pool.
        chosen: chosen_images of single queries on it.
    """
    ways = list(dict.fromkeys(chosen["strategy"]))[: MOST_STRATEGIES + 1]
    count = 1 + len(ways)
    columns = style.columns_for(count)
    rows = -(-count // columns)
    figure = style.new_figure(SIDE * columns, SIDE * rows + 0.5)
    flat = _bare_axes(figure, rows, columns)
    _draw_pool(flat[0], plane, plane["cluster"])
    flat[0].set_title(f"{plane['cluster'].nunique()} clusters")
    _draw_picks(flat[0], plane)
    for axis, way in zip(flat[1:], ways, strict=False):
        picks = chosen[chosen["strategy"] == way]
        _draw_pool(axis, plane, plane["cluster"], faint=True)
        _draw_chosen(axis, plane, picks, "#000000", "chosen")
        axis.set_title(printable(way, 34))
    _hide(flat[count:])
    style.legend_below(figure)
    return figure


def rounds(plane: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Draw a pool once for each strategy and round, with what was labeled and what was added.

    Args:
        plane: plane_rounds of one pool.
        chosen: chosen_images of the cycles of one initial strategy and learner on it.
    """
    ways = list(dict.fromkeys(chosen["strategy"]))[:MOST_STRATEGIES]
    numbers = _some(sorted(chosen["round"].unique()))
    figure = style.new_figure(0.75 * SIDE * len(numbers) + 0.4, 0.75 * SIDE * len(ways) + 0.5)
    flat = _bare_axes(figure, len(ways), len(numbers))
    classes = plane["class_index"]
    for i, way in enumerate(ways):
        picks = chosen[chosen["strategy"] == way]
        for j, number in enumerate(numbers):
            axis = flat[i * len(numbers) + j]
            _draw_pool(axis, plane, classes, faint=True)
            before = picks[picks["round"] < number]
            now = picks[picks["round"] == number]
            _draw_chosen(axis, plane, before, style.MUTED, "labeled before")
            _draw_chosen(axis, plane, now, "#d55e00", "chosen in this round")
            if i == 0:
                axis.set_title(f"{now['labelled'].max():.0f} labels" if len(now) else "")
        flat[i * len(numbers)].set_ylabel(printable(way, 30))
    style.legend_below(figure)
    return figure


def _some(numbers: list[int]) -> list[int]:
    """The first, the last, and evenly between, MOST_ROUNDS at most."""
    places = np.linspace(0, len(numbers) - 1, min(MOST_ROUNDS, len(numbers))).round().astype(int)
    return [numbers[place] for place in places]


def _bare_axes(figure: Figure, rows: int, columns: int) -> list[Axes]:
    axes = style.grid_axes(figure, rows, columns, sharex=True, sharey=True)
    flat = [axis for row in axes for axis in row]
    for axis in flat:
        axis.grid(visible=False)
        axis.tick_params(labelbottom=False, labelleft=False)
        axis.spines[:].set_visible(False)
    return flat


def _hide(axes: list[Axes]) -> None:
    for axis in axes:
        axis.set_visible(False)


def _draw_pool(
    axis: Axes, plane: pd.DataFrame, groups: pd.Series[int], *, faint: bool = False
) -> None:
    """Scatter the pool, colored by group; gray where the groups are unknown (all -1)."""
    known = bool((groups >= 0).any())
    color: dict[str, Any] = (
        {"c": groups % 20, "cmap": COLORMAP, "vmin": 0, "vmax": 19}
        if known
        else {"color": "#9a9da3"}
    )
    size = float(np.clip(9000 / len(plane), 3, 14))
    shade: dict[str, Any] = {"s": size, "alpha": 0.35 if faint else 0.75}
    axis.scatter(plane["x"], plane["y"], **color, **shade, **FAINT)


def _draw_picks(axis: Axes, plane: pd.DataFrame) -> None:
    for pick, most, marker, color in PICKS:
        rows = plane[plane["pick"] == pick]
        if rows.empty:
            continue
        edge: dict[str, Any] = {"s": 40, "edgecolors": "#ffffff", "linewidths": 0.8, "zorder": 3}
        label = f"{most} of its cluster to contrast"
        dots = axis.scatter(rows["x"], rows["y"], marker=marker, color=color, label=label, **edge)
        values = zip(rows["index"], rows["cluster"], rows["confidence"], strict=True)
        tooltips.attach(dots, [f"image {i}, {most} of cluster {k}: confidence {c:.3f}"
                            for i, k, c in values])  # fmt: skip


def _draw_chosen(
    axis: Axes, plane: pd.DataFrame, picks: pd.DataFrame, color: str, label: str
) -> None:
    points = picks[["index", "class", "labelled"]].merge(plane, on="index")
    if points.empty:
        return
    size = float(np.clip(1600 / len(points), 9, 36))
    edge: dict[str, Any] = {"s": size, "edgecolors": "#ffffff", "linewidths": 0.6, "zorder": 3}
    dots = axis.scatter(points["x"], points["y"], color=color, label=label, **edge)
    values = zip(points["index"], points["class"], strict=True)
    tooltips.attach(dots, [f"image {i}" + (f", class {c}" if c else "") for i, c in values])
