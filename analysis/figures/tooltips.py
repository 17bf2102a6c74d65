"""Values that figures show on hover: each mark of an SVG carries its text in `data-tip`.

A drawing function attaches texts to an artist; when the figure is written, each mark that the
artist became gets its own. The page's script reads them; in a file of its own they do no harm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple
from weakref import WeakKeyDictionary

from matplotlib.artist import Artist
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis.figures.text import printable


class _Texts(NamedTuple):
    mark: str  # the SVG element that each mark is
    texts: list[str]


_ATTACHED: WeakKeyDictionary[Figure, dict[str, _Texts]] = WeakKeyDictionary()


def attach(artist: Artist, texts: Sequence[str]) -> None:
    """Attach a text to each mark of an artist, in the order in which it draws them.

    Raises:
        ValueError: the artist is in no figure.
    """
    figure = artist.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise ValueError("texts are attached to an artist that is part of a figure")
    known = _ATTACHED.setdefault(figure, {})
    name = f"hover{len(known)}"
    known[name] = _Texts("path" if isinstance(artist, QuadMesh) else "use", list(texts))
    artist.set_gid(name)


def written(svg: str, figure: Figure) -> str:
    """Put the texts attached to a figure into its SVG, whatever the order it draws them in."""
    for name, attached in _ATTACHED.get(figure, {}).items():
        start = svg.find(f'<g id="{name}"')
        if start >= 0:
            svg = svg[:start] + _tagged(svg[start:], attached)
    return svg


def _tagged(svg: str, attached: _Texts) -> str:
    texts = iter(attached.texts)

    def tag(match: re.Match[str]) -> str:
        if match[0].startswith("<defs"):
            return match[0]
        text = next(texts, None)
        if text is None:
            return match[0]
        return f'{match[0]} data-tip="{escape(printable(text), quote=True)}"'

    # Definitions hold the shape of a mark, not the mark.
    pattern = rf"<defs>.*?</defs>|<{attached.mark}\b"
    end = _end_of(svg, pattern, len(attached.texts))
    return re.sub(pattern, tag, svg[:end], flags=re.DOTALL) + svg[end:]


def _end_of(svg: str, pattern: str, count: int) -> int:
    """Where the mark number `count` ends, so that the rest of the picture is not searched."""
    for match in re.finditer(pattern, svg, flags=re.DOTALL):
        count -= not match[0].startswith("<defs")
        if count <= 0:
            return match.end()
    return len(svg)
