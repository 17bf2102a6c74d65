import re
from html import unescape
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures import style, tooltips


def tips(svg: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'data-tip="([^"]*)"', svg)]


def test_each_mark_of_a_line_and_of_a_scatter_has_its_text_in_order() -> None:
    def draw() -> Figure:
        figure = style.new_figure(4, 3)
        [[axis]] = style.grid_axes(figure, 1, 1)
        [line] = axis.plot([1, 2, 3], [1, 3, 2], marker="o")
        tooltips.attach(line, ["a", "b", "c"])
        dots = axis.scatter([1, 2], [2, 1])
        tooltips.attach(dots, ["d", "e"])
        return figure

    svg = style.as_files(draw).svg
    assert sorted(tips(svg)) == list("abcde")
    marks = re.findall(r'<use data-tip="(.)"[^>]* x="([0-9.]+)"', svg)
    places = {name: float(x) for name, x in marks}
    assert places["a"] < places["b"] < places["c"]
    assert places["d"] == pytest.approx(places["a"], abs=0.1)


def test_each_cell_of_a_heat_map_has_its_text() -> None:
    def draw() -> Figure:
        figure = style.new_figure(4, 3)
        [[axis]] = style.grid_axes(figure, 1, 1)
        tooltips.attach(
            axis.pcolormesh(np.arange(6).reshape(2, 3)), [f"cell {i}" for i in range(6)]
        )
        return figure

    svg = style.as_files(draw).svg
    assert tips(svg) == [f"cell {i}" for i in range(6)]
    assert len(re.findall(r'<path data-tip="', svg)) == 6


def test_a_hostile_text_stays_text_and_the_svg_stays_whole() -> None:
    text = "<script>'\"&\n\u202e]]>"

    def draw() -> Figure:
        figure = style.new_figure(4, 3)
        [[axis]] = style.grid_axes(figure, 1, 1)
        tooltips.attach(axis.scatter([1], [1]), [text])
        return figure

    svg = style.as_files(draw).svg
    assert tips(svg) == ["<script>'\"& ]]>"]
    ElementTree.fromstring(svg)


def test_an_artist_without_a_figure_is_refused() -> None:
    from matplotlib.lines import Line2D

    with pytest.raises(ValueError, match="part of a figure"):
        tooltips.attach(Line2D([0], [0]), ["a"])
