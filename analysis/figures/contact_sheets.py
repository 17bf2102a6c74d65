"""Contact sheets: the images that each way chose, with their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.figures.text import visible

MOST_IMAGES, MOST_WAYS = 20, 12
CELL = 0.52  # inches of a picture's side
Pictures = npt.NDArray[np.uint8]


def contact_sheet(ways: Sequence[tuple[str, pd.DataFrame, Pictures]]) -> Figure:
    """Draw a row for each way to choose: its pictures in the order chosen, classes below.

    ways: name, rows of chosen_images, and as many pictures (n, H, W[, 3]).
    """
    columns = max(len(pictures) for _, _, pictures in ways)
    figure = style.new_figure(CELL * columns + 0.3, (CELL + 0.45) * len(ways) + 0.1)
    axes = style.grid_axes(figure, len(ways), 1)
    for [axis], (name, rows, pictures) in zip(axes, ways, strict=True):
        _draw_row(axis, rows, pictures, columns)
        axis.set_title(visible(name, style.LONGEST), fontsize=8.5, pad=3)
    return figure


def _draw_row(axis: Axes, rows: pd.DataFrame, pictures: Pictures, columns: int) -> None:
    gray: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255}
    for place, picture in enumerate(pictures):
        where = (place + 0.04, place + 0.96, 0.96, 0.04)
        axis.imshow(picture, extent=where, aspect="auto", interpolation="nearest", **gray)
    axis.set_xlim(0, columns)
    axis.set_ylim(1, 0)
    names = [visible(name, 9) if name else "" for name in rows["class"]]
    small: dict[str, Any] = {"fontsize": 6.5 if max(map(len, names), default=0) > 4 else 8}
    axis.set_xticks(np.arange(len(names)) + 0.5, names, **small)
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.tick_params(pad=1)
