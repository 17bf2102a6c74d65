"""Names that a person would take for one and the same, and a program does not.

Two labels that differ in case, in blanks or in how an accent was typed would be two classes, two
such patients would lie on both sides of a split. Which of them is meant is not ours to say: they
are refused.
"""

from __future__ import annotations

import contextlib
import html
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

# Code points that look like a Latin letter or a plain mark (of Unicode's confusables the common
# ones, Cyrillic and Greek letters above all), in hexadecimal. They are compared without case: a
# letter has the twin of its capital.
_TWINS = {
    ord(chr(int(twin, 16)).casefold()): plain.casefold()
    for plain, twins in {
        "A": "410 391", "B": "412 392", "C": "421", "E": "415 395", "H": "41d 397", "I": "406 399",
        "J": "408", "K": "41a 39a", "M": "41c 39c", "N": "39d", "O": "41e 39f", "P": "420 3a1",
        "S": "405", "T": "422 3a4", "X": "425 3a7", "Y": "423 3a5", "Z": "396", "a": "430",
        "c": "441", "d": "501", "e": "435", "h": "4bb", "i": "456", "j": "458", "o": "43e 3bf",
        "p": "440", "q": "51b", "s": "455", "w": "51d", "x": "445", "y": "443",
        "-": "2010 2011 2012 2013 2014 2212 fe58 fe63 ff0d", "'": "2018 2019 201b 2032 60 b4",
        '"': "201c 201d 201e 2033",
    }.items()
    for twin in twins.split()
}  # fmt: skip
_MISSING = frozenset({
    "nan", "na", "n/a", "<na>", "nat", "null", "none", "nil", "missing", "?", "-", "--", "unknown",
    "unlabeled", "unlabelled", "todo", "tbd", "undefined",
    "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!",  # of spreadsheets
})  # fmt: skip
_ENDS = " .,;:'\"_"  # what counts for nothing at the ends of a name
_BYTES = re.compile(r"^b(['\"])(.*)\1$")
_POWER = re.compile(r"^[-+]?\d+(?:[.,]\d*)?e\+?\d{1,2}$")


def skeleton(name: str) -> str:
    """Return what is left of a name without what the eye passes over.

    Case, Unicode forms and twins, characters without width, blanks, hyphens and underscores after
    letters, blanks beside other marks, dots, quotes and underscores at the ends, brackets around
    all of it, a number's script, leading zeros (after letters too), ".0" and powers of ten, and
    what other programs make of a letter ("Ã©", "&eacute;") or of text (b'a').
    """
    written = _as_written(name)
    visible = "".join(c for c in unicodedata.normalize("NFKC", written) if not _has_no_width(c))
    plain = unicodedata.normalize("NFKC", visible.casefold().translate(_TWINS))
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    plain = re.sub(r"\s+", " ", _BYTES.sub(r"\2", plain)).strip(_ENDS)
    plain = re.sub(r"^[(\[{]([^()\[\]{}]+)[)\]}]$", r"\1", plain).strip(_ENDS)
    plain = re.sub(r" ?([^\w\s-]) ?", r"\1", plain)
    plain = re.sub(r"(?<=[^\W\d_])[ _-]+(?=[^\W\d_])", "", plain)
    plain = re.sub(r"(?<=[^\W\d_])[ _-]+(?=\d)|(?<=\d)[ _]+(?=[^\W\d_])", "", plain)
    plain = re.sub(r"(?<=[^\W\d])0+(?=\d)", "", _POWER.sub(_written_out, plain))
    number = re.fullmatch(r"(-?)\+?0*(\d+)(?:[.,]0*)?", plain)
    return number[1] + number[2] if number else plain


def _written_out(power: re.Match[str]) -> str:
    """Return a whole number with all of its digits, as 100000 for 1e5."""
    number = Decimal(power[0].replace(",", "."))
    return f"{number:f}" if number == number.to_integral_value() else power[0]


def tidy(name: str) -> str:
    """Return a name without characters of no width, its blanks single; case stays."""
    visible = "".join(c for c in unicodedata.normalize("NFC", name) if not _has_no_width(c))
    return " ".join(visible.split())


def lookalikes(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two different names that look alike, or None."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(skeleton(name), name)
        if other != name:
            return other, name
    return None


def control_character(name: str) -> str:
    """Return the first character of a name that moves a cursor or is none, or ""."""
    return next((c for c in name if unicodedata.category(c) in ("Cc", "Zl", "Zp")), "")


def is_blank(name: str) -> bool:
    """Whether nothing of a name can be seen."""
    return all(_has_no_width(c) or c.isspace() for c in name)


def means_missing(label: str) -> bool:
    """Whether a label is a word that tables have for "there is none"."""
    return label.strip().casefold() in _MISSING


def shown(name: str) -> str:
    """Return a name in quotes, with its characters spelled out where it is not plain ASCII."""
    return f"{name!r}" if repr(name) == ascii(name) else f"{name!r} ({name!a})"


def _as_written(name: str) -> str:
    """Return a name, NFC, as it was before it was taken for HTML or its UTF-8 for Windows-1252."""
    plain = html.unescape(unicodedata.normalize("NFC", name))
    if not plain.isascii():
        with contextlib.suppress(UnicodeError):
            return plain.encode("cp1252").decode("utf-8")
    return plain


def _has_no_width(c: str) -> bool:
    category = unicodedata.category(c)
    return (category in ("Cc", "Cf") and not c.isspace()) or "\ufe00" <= c <= "\ufe0f"
