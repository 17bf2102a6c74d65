"""Contact sheets: the images that each selection chose, with their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.figures.text import printable

MOST_IMAGES, MOST_ROWS = 20, 12
SIDE = 0.52  # inches of a picture


class SheetRow(NamedTuple):
    """Images of one selection: pictures (n, H, W[, 3]), and class names, "" where unknown."""

    name: str
    classes: Sequence[str]
    pictures: npt.NDArray[np.uint8]


def contact_sheet(rows: Sequence[SheetRow]) -> Figure:
    """Draw a row for each selection: its pictures in the order chosen, classes below."""
    columns = max(len(row.pictures) for row in rows)
    figure = style.new_figure(SIDE * columns + 0.3, (SIDE + 0.45) * len(rows) + 0.1)
    axes = style.grid_axes(figure, len(rows), 1)
    for [axis], row in zip(axes, rows, strict=True):
        _draw_row(axis, row, columns)
        axis.set_title(printable(row.name, style.LONGEST), fontsize=8.5, pad=3)
    return figure


def _draw_row(axis: Axes, row: SheetRow, columns: int) -> None:
    gray: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255}
    for place, picture in enumerate(row.pictures):
        where = (place + 0.04, place + 0.96, 0.96, 0.04)
        axis.imshow(picture, extent=where, aspect="auto", interpolation="nearest", **gray)
    axis.set_xlim(0, columns)
    axis.set_ylim(1, 0)
    names = [printable(name, 9) if name else "" for name in row.classes]
    small: dict[str, Any] = {"fontsize": 6.5 if max(map(len, names), default=0) > 4 else 8}
    axis.set_xticks(np.arange(len(names)) + 0.5, names, **small)
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.tick_params(pad=1)
