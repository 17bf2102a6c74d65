"""How many classes have how many labeled images: a line for each selection."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures import style, tooltips
from analysis.figures.style import Line
from analysis.figures.text import printable

MOST_PANELS = 3  # numbers of labels, the fewest, a middle one, the most
FARTHEST = 4  # times the mean number of images of a class, up to which the axis goes


def occurrences(table: pd.DataFrame, looks: Mapping[str, Line]) -> Figure:
    """Draw the number of classes over the labeled images of a class, a panel by number of labels.

    Args:
        table: class_occurrences of one dataset, encoder and shape.
        looks: of the selections.
    """
    budgets = sorted(table["labelled"].unique())
    last = len(budgets) - 1
    shown = [budgets[i] for i in sorted({0, last // 2, last})][:MOST_PANELS]
    figure = style.new_figure(max(4.4, 3.4 * len(shown)), 3.4)
    axes = style.grid_axes(figure, 1, len(shown))
    for axis, labelled in zip(axes[0], shown, strict=True):
        _draw(axis, table[table["labelled"] == labelled], int(labelled), looks)
    style.label_outer(axes, len(shown), "labeled images of a class", "classes")
    style.legend_below(figure)
    return figure


def _draw(axis: Axes, table: pd.DataFrame, labelled: int, looks: Mapping[str, Line]) -> None:
    classes = table.groupby(["selection", "round"], sort=False)["classes"].sum().max()
    mean = labelled / classes
    axis.axvline(mean, color=style.MUTED, lw=1, ls="--")
    for name, rows in table.groupby("selection", sort=False):
        look, ordered = looks[str(name)], rows.sort_values("occurrences")
        (line,) = axis.plot(
            ordered["occurrences"],
            ordered["classes"],
            color=look.color,
            marker=look.marker,
            ms=3.5,
            lw=1.2,
            label=style.legend_name(name),
        )
        points = zip(ordered["occurrences"], ordered["classes"], strict=True)
        words = printable(str(name), 30)
        texts = [f"{words}: {count:.1f} classes with {images} images" for images, count in points]
        tooltips.attach(line, texts)
    axis.set_xlim(-0.4, max(3.0, FARTHEST * mean) + 0.4)
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_title(f"{labelled} labeled images")
