"""Names from data as they can be printed: on one line, without characters that do not show."""

from __future__ import annotations

import re

NONE = "\N{EN DASH}"  # where a table has no value
MINUS = "\N{MINUS SIGN}"
# Controls, separators, halves of surrogate pairs, and marks that turn the direction of the text
# around them: the one list for pages, figures, tables and files.
_UNSEEN = re.compile(
    "[\x00-\x20\x7f-\xa0\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]+"
)


def one_line(text: str) -> str:
    """Return a text on one line, without characters that do not show."""
    return _UNSEEN.sub(" ", text)


def printable(text: object, longest: int | None = None) -> str:
    """Return a name on one line, shortened in the middle where it is longer than allowed."""
    line = one_line(str(text)).strip() or "(no name)"
    if longest is None or len(line) <= longest:
        return line
    half = (longest - 1) // 2
    return f"{line[:half]}\N{HORIZONTAL ELLIPSIS}{line[-half:]}"
