"""Names, numbers and values in messages: the nearest name, how a value is written right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

LONGEST_NAME = 100  # characters of a name that others are compared with
LONGEST_VALUE = 200  # characters of a value in a message
LONGEST_NUMBER = 20  # characters
_LIKE_A_NUMBER = re.compile(r"[-+]?[0-9.][0-9_:,.eE%+-]*|0[bBoOxX][0-9a-fA-F_]+")


def nearest(name: object, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return ", did you mean ...?" for the closest known name, or nothing.

    cutoff: how alike they have to be, from 0 to 1. Capitals, hyphens and spaces do not count.
    """
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        return ""
    by_form = {_form(other): other for other in known}
    close = difflib.get_close_matches(_form(name), list(by_form), n=1, cutoff=cutoff)
    return f", did you mean '{by_form[close[0]]}'?" if close else ""


def show_value(value: object) -> str:
    """Write a value as Python does, on one line, without its middle where that is long."""
    return shorten(repr(value), LONGEST_VALUE)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, whose plural ends in s: "1 trial", "1,200 trials"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def first_of(names: Sequence[str], most: int) -> str:
    """Name the first of some: "a, b, ..."."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def is_writable(text: str) -> bool:
    """Whether a text can be written in UTF-8: a name of a file that is in no UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shorten(text: str, longest: int) -> str:
    """Leave out the middle of a text that is longer, and say how long it is."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}...{text[-longest // 2 :]} ({len(text):,} characters)"


def way_out(kind: str, value: object) -> str:
    """Return "; " and how a value of the wrong type is written, where that can be told.

    kind: pydantic's type of the error.
    """
    if kind in ("bool_type", "bool_parsing") and isinstance(value, str):
        return "; write true or false (yes, no, on and off are text in YAML 1.2)"
    if kind.startswith(("int_", "float_")) and isinstance(value, str):
        written = len(value) <= LONGEST_NUMBER and _LIKE_A_NUMBER.fullmatch(value)
        return "; write a plain number, such as 1000 or 0.5, without quotes" if written else ""
    if kind in ("int_type", "int_from_float") and isinstance(value, float):
        return f"; write {value:.0f}" if value.is_integer() else ""
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if kind in ("list_type", "tuple_type") and isinstance(value, str | int | float):
        return f"; write [{value}]" if len(str(value)) <= LONGEST_NAME else ""
    if kind in ("list_type", "tuple_type") and isinstance(value, Mapping):
        return "; put it in a list, in [ ] or behind a dash"
    return ""


def _form(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.lower())
