"""Figure specs -> figures, each with a file name of its own, drawn when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeAlias

from analysis.figures import style
from analysis.figures.spec import FigureSpec
from analysis.figures.style import FigureFiles
from analysis.processes import computed_beside

Drawing: TypeAlias = Callable[[], FigureFiles]


@dataclass(frozen=True)
class RenderedFigure:
    """A figure with its words.

    number: that of the figure in its report; name: of its files; draw: gives these.
    """

    spec: FigureSpec
    number: int
    name: str
    draw: Drawing

    @cached_property
    def files(self) -> FigureFiles:
        """The figure as SVG, PNG and PDF."""
        return self.draw()

    @property
    def is_drawn(self) -> bool:
        """Whether its files were asked for."""
        return "files" in vars(self)

    @property
    def kind(self) -> str:
        """By which a section asks for it."""
        return self.spec.kind

    @property
    def svg(self) -> str:
        """The figure as the page shows it."""
        return self.files.svg


def begin_drawing(spec: FigureSpec, *, ahead: bool) -> Drawing:
    """Return what draws a figure.

    ahead: whether another process begins to draw it now.
    """
    begin = computed_beside if ahead else partial
    return begin(style.as_files, spec.draw)


def rendered_figures(drawings: Sequence[tuple[FigureSpec, Drawing]]) -> list[RenderedFigure]:
    """Give figures their names and numbers, in this order."""
    names = style.file_names([f"{spec.kind}-{spec.place}" for spec, _ in drawings])
    return [
        RenderedFigure(spec, number, name, draw)
        for number, ((spec, draw), name) in enumerate(zip(drawings, names, strict=True))
    ]
