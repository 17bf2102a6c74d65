"""Both losses of a class-balanced query over lambda, and of queries without as levels."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style, tooltips
from analysis.figures.style import Line

WORDS = {"query_entropy": "sum of entropies, nats", "query_l1_loss": "L1 loss of the classes"}


def query_losses(table: pd.DataFrame, levels: Mapping[str, Line]) -> Figure:
    """Draw the entropy and the L1 loss of one query, a panel each.

    Args:
        table: query_losses of one dataset, encoder and round.
        levels: looks of the strategies without lambda.
    """
    figure = style.new_figure(8.2, 3.8)
    [axes] = style.grid_axes(figure, 1, len(WORDS))
    for axis, (loss, words) in zip(axes, WORDS.items(), strict=True):
        curves = table[table["lambda"].notna()].groupby("component", sort=False)
        for marker, (component, rows) in zip(cycle(style.MARKERS), curves, strict=False):
            _draw_curve(axis, rows, loss, f"{component} with λ", marker)
        for name, rows in table[table["lambda"].isna()].groupby("strategy", sort=False):
            color, height = levels[str(name)].color, float(rows[f"{loss}_mean"].mean())
            axis.axhline(height, color=color, ls="--", lw=1.2, label=style.legend_name(name))
        axis.set_xlabel("λ")
        axis.set_ylabel(words)
    style.legend_below(figure)
    return figure


def _draw_curve(axis: Axes, rows: pd.DataFrame, loss: str, name: str, marker: str) -> None:
    by_weight = rows.groupby("lambda")[[f"{loss}_mean", f"{loss}_std"]].mean()
    x, y = by_weight.index.to_numpy(), by_weight[f"{loss}_mean"].to_numpy()
    spread = np.nan_to_num(by_weight[f"{loss}_std"].to_numpy())
    (line,) = axis.plot(x, y, marker=marker, color=style.INK, label=name, zorder=3)
    axis.errorbar(x, y, spread, ls="none", capsize=3, lw=1, color=style.INK)
    points = zip(x, y, spread, strict=True)
    tooltips.attach(line, [f"{name} {a:g}: {b:.2f} ± {s:.2f}" for a, b, s in points])
