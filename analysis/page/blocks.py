"""What a section of the page is made of, beside tables; each block has a template of its form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, TypeAlias

from markupsafe import Markup

from analysis.figures.render import RenderedFigure
from analysis.page.table import PageTable


@dataclass(frozen=True)
class Text:
    """A paragraph; style: classes of the page's style sheet."""

    form: ClassVar = "text"
    text: str | Markup
    style: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading below the section's."""

    form: ClassVar = "heading"
    text: str


@dataclass(frozen=True)
class Gallery:
    """Figures one below the other."""

    form: ClassVar = "gallery"
    figures: Sequence[RenderedFigure]


@dataclass(frozen=True)
class Folded:
    """Tables that are shown when asked for."""

    form: ClassVar = "folded"
    title: str
    tables: Sequence[PageTable]


class Sentence(NamedTuple):
    """A finding: the words it opens with, and the rest."""

    lead: str
    text: str


@dataclass(frozen=True)
class Sentences:
    """Findings as a list."""

    form: ClassVar = "sentences"
    sentences: Sequence[Sentence]


@dataclass(frozen=True)
class Code:
    """A command to copy."""

    form: ClassVar = "code"
    text: str


@dataclass(frozen=True)
class TableFiles:
    """Links to the tables' files, each with its number of rows."""

    form: ClassVar = "files"
    rows: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class PrintedFiles:
    """Links to tables made for print: of each what it shows, and the name of its files."""

    form: ClassVar = "printed"
    rows: Sequence[tuple[str, str]]


Block: TypeAlias = (
    Text | Heading | Gallery | Folded | Sentences | Code | TableFiles | PrintedFiles | PageTable
)
