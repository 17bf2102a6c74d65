"""Figure specs -> figures, each with a file name of its own, drawn when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial

from analysis.figures import style
from analysis.figures.spec import FigureSpec
from analysis.figures.style import FigureFiles
from analysis.processes import computed_beside


@dataclass(frozen=True)
class RenderedFigure:
    """A figure with its words.

    number: that of the figure in its report; name: of its files; draw: gives these.
    """

    spec: FigureSpec
    number: int
    name: str
    draw: Callable[[], FigureFiles]

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


def render_figures(specs: Iterable[FigureSpec], *, ahead: bool = False) -> list[RenderedFigure]:
    """Give figures their names and numbers.

    ahead: whether other processes begin to draw them all now.
    """
    every = list(specs)
    names = style.file_names([f"{spec.kind}-{spec.place}" for spec in every])
    begin = computed_beside if ahead else partial
    figures = [
        RenderedFigure(spec, number, name, begin(style.as_files, spec.draw))
        # From the end, where those of many points are, so that none of these is left for last.
        for number, (spec, name) in reversed(list(enumerate(zip(every, names, strict=True))))
    ]
    return figures[::-1]
