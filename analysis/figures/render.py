"""Figure specs -> drawn figures, each with a file name of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from analysis.figures import style
from analysis.figures.spec import FigureSpec


class RenderedFigure(NamedTuple):
    """A drawn figure with its words; number: that of the figure in its report."""

    kind: str
    number: int
    name: str
    title: str
    caption: str
    alt: str
    source: str
    svg: str
    png: bytes


def render_figures(specs: Iterable[FigureSpec]) -> list[RenderedFigure]:
    """Draw figures as SVG and PNG."""
    every = list(specs)
    names = style.file_names([f"{spec.kind}-{spec.place}" for spec in every])
    return [_render(spec, k, name) for k, (spec, name) in enumerate(zip(every, names, strict=True))]


def _render(spec: FigureSpec, number: int, name: str) -> RenderedFigure:
    svg, png = style.as_files(spec.draw)
    words = (spec.title, spec.caption, spec.alt, spec.source)
    return RenderedFigure(spec.kind, number, name, *words, svg, png)
