"""Fonts inside PDFs: of a font, what draws its letters, without the rules that set text in it.

matplotlib places every letter itself, so that tables of ligatures, kerning and the like, which
cost most of the time that it takes to cut a font down to the letters of a figure, go unread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont

TEXT_RULES = ("GSUB", "GPOS", "GDEF", "BASE", "JSTF", "MATH", "kern")


@contextmanager
def without_text_rules() -> Iterator[None]:
    """Let fontTools load fonts without TEXT_RULES, for matplotlib, which offers no such option."""
    load_complete = subset.load_font

    def load_font(*arguments: Any, **options: Any) -> TTFont:
        font = load_complete(*arguments, **options)
        for table in TEXT_RULES:
            if table in font:
                del font[table]
        return font

    subset.load_font = load_font
    try:
        yield
    finally:
        subset.load_font = load_complete
