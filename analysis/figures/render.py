"""Figure specs -> figures, each with a file name of its own, drawn when first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from analysis.figures import style
from analysis.figures.spec import FigureSpec
from analysis.figures.style import FigureFiles


@dataclass(frozen=True)
class RenderedFigure:
    """A figure with its words; number: that of the figure in its report; name: of its files."""

    spec: FigureSpec
    number: int
    name: str

    @cached_property
    def files(self) -> FigureFiles:
        """The figure as SVG, PNG and PDF."""
        return style.as_files(self.spec.draw)

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


def render_figures(specs: Iterable[FigureSpec]) -> list[RenderedFigure]:
    """Give figures their names and numbers."""
    every = list(specs)
    names = style.file_names([f"{spec.kind}-{spec.place}" for spec in every])
    return [RenderedFigure(spec, k, name) for k, (spec, name) in enumerate(zip(every, names,
            strict=True))]  # fmt: skip
