"""Dataset maps: every image by how sure a network was of it, and how much that varied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures import style
from analysis.statistics.density import point_density

Values = npt.NDArray[np.floating[Any]]


def dataset_map(
    confidence: Mapping[float, Values],
    variability: Mapping[float, Values],
    truth: tuple[Values, Values] | None = None,
) -> Figure:
    """Draw variability against confidence at every tau; lighter where images crowd.

    confidence, variability: (N,) of each tau. truth: both of the true class, for a panel of its
    own.
    """
    panels = [(f"τ = {tau:g}", confidence[tau], variability[tau])
              for tau in sorted(confidence, reverse=True)]  # fmt: skip
    panels += [] if truth is None else [("by the true classes", *truth)]
    columns = style.columns_for(len(panels))
    rows = -(-len(panels) // columns)
    figure = style.new_figure(3.2 * columns + 0.6, 3.1 * rows)
    axes = style.grid_axes(figure, rows, columns)
    flat = [a for row in axes for a in row]
    for axis, (title, sure, varied) in zip(flat, panels, strict=False):
        _draw_map(axis, varied, sure)
        axis.set_title(title)
    style.label_outer(
        axes, len(panels), "variability (std over epochs)", "confidence (mean over epochs)"
    )
    return figure


def _draw_map(axis: Axes, variability: Values, confidence: Values) -> None:
    known = np.isfinite(variability) & np.isfinite(confidence)
    variability, confidence = variability[known], confidence[known]
    if len(variability) == 0:
        return
    density = point_density(variability, confidence)
    order = np.argsort(density, kind="stable")
    size = float(np.clip(6000 / max(len(order), 1), 0.8, 9))
    shade = np.sqrt(density[order])
    x, y = variability[order], confidence[order]
    # One picture inside the SVG: tens of thousands of marks would make it megabytes.
    axis.scatter(x, y, c=shade, s=size, cmap="viridis", vmin=0, lw=0, rasterized=True)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(MaxNLocator(nbins=5))
