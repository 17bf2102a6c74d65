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
from urllib.parse import unquote

# Code points that look like a Latin letter or a plain mark (of Unicode's confusables the common
# ones, Cyrillic and Greek letters above all), or like another letter where keyboards differ (the
# Persian yeh and kaf), in hexadecimal. They are compared without case: a letter has the twin of its
# capital.
_TWINS = {
    ord(chr(int(twin, 16)).casefold()): plain.casefold()
    for plain, twins in {
        "A": "410 391", "B": "412 392", "C": "421", "E": "415 395", "H": "41d 397", "I": "406 399",
        "J": "408", "K": "41a 39a", "M": "41c 39c", "N": "39d", "O": "41e 39f", "P": "420 3a1",
        "S": "405", "T": "422 3a4", "X": "425 3a7", "Y": "423 3a5", "Z": "396", "a": "430",
        "c": "441", "d": "501", "e": "435", "h": "4bb", "i": "456", "j": "458", "o": "43e 3bf",
        "p": "440", "q": "51b", "s": "455", "w": "51d", "x": "445", "y": "443",
        "-": "2010 2011 2012 2013 2014 2015 2212 fe58 fe63 ff0d",
        "'": "2018 2019 201b 2032 2bc 60 b4", '"': "201c 201d 201e 2033", "/": "5c 2044 2215",
        "\u064a": "6cc", "\u0643": "6a9",
    }.items()
    for twin in twins.split()
}  # fmt: skip
_MISSING = frozenset({
    "nan", "na", "n/a", "<na>", "nat", "null", "none", "nil", "missing", "?", "-", "--", "unknown",
    "unlabeled", "unlabelled", "todo", "tbd", "undefined",
    "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!",  # of spreadsheets
})  # fmt: skip
# Characters without width that are neither controls nor formats: variation selectors, joiners.
_UNSEEN = frozenset({
    *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0)),
    "\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u180b", "\u180c", "\u180d", "\u180f",
})  # fmt: skip
_BLANK_SIGNS = "\u2800\u3164\uffa0"  # as wide as a blank, and none to Unicode
_STRETCH = "\u0640"  # makes an Arabic word wider
_DOT_ABOVE = "\u0307"  # is left of a Turkish capital I without case
_OTHER_CODES = ("cp1252", "mac_roman", "cp850")  # that UTF-8 is taken for
_ENDS = " .,;:'\"_"  # what counts for nothing at the ends of a name
_BYTES = re.compile(r"^b(['\"])(.*)\1$")
_POWER = re.compile(r"^[-+]?\d+(?:[.,]\d*)?e\+?\d{1,2}$")
_NUMBER = re.compile(r"(-?)\+?0*(\d+)(?:[.,](\d*))?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:([ ',])\d{3})(?:\1\d{3})*")
_TEXT_CELL = re.compile(r'^="(.*)"$')  # by which a spreadsheet keeps a number as it was typed


def skeleton(name: str) -> str:
    """Return what is left of a name without what the eye passes over.

    Case, Unicode forms and twins, characters without width, blanks, hyphens and underscores after
    letters, blanks beside other marks, dots, quotes and underscores at the ends, brackets around
    all of it, a number's script, zeros before digits, decimals that are zero, thousands set apart,
    powers of ten, and what other programs make of a letter ("Ã©", "&eacute;", "%C3%A9") or of text
    (b'a', ="a").
    """
    plain = _plain_letters(_as_written(name))
    plain = re.sub(r"\s+", " ", _BYTES.sub(r"\2", _TEXT_CELL.sub(r"\1", plain))).strip(_ENDS)
    plain = re.sub(r"^[(\[{]([^()\[\]{}]+)[)\]}]$", r"\1", plain).strip(_ENDS)
    plain = re.sub(r" ?([^\w\s-]) ?", r"\1", plain)
    plain = re.sub(r"(?<=[^\W\d_])[ _-]+(?=[^\W\d_])", "", plain)
    if _THOUSANDS.fullmatch(plain):
        plain = re.sub(r"[ ',]", "", plain)
    plain = re.sub(r"(?<=[^\W\d_])[ _-]+(?=\d)|(?<=\d)[ _]+(?=[^\W\d_])", "", plain)
    plain = re.sub(r"(?<![\d.,])0+(?=\d)", "", _POWER.sub(_written_out, plain))
    number = _NUMBER.fullmatch(plain)
    return _as_number(number) if number else plain


def _plain_letters(name: str) -> str:
    """Return a name with one character for those that look like it, and none that is not seen."""
    visible = "".join(" " if c in _BLANK_SIGNS else c for c in name if not _has_no_width(c))
    visible = unicodedata.normalize("NFKC", visible)
    folded = visible.casefold().replace(f"i{_DOT_ABOVE}", "i").replace(_STRETCH, "")
    plain = unicodedata.normalize("NFKC", folded.translate(_TWINS))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)


def _as_number(number: re.Match[str]) -> str:
    """Return a number without decimals that are zero, with a point before others."""
    sign, whole, decimals = number.groups()
    return f"{sign}{whole}.{decimals}" if (decimals or "").strip("0") else f"{sign}{whole}"


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
    return all(_has_no_width(c) or c.isspace() or c in _BLANK_SIGNS for c in name)


def means_missing(label: str) -> bool:
    """Whether a label is a word that tables have for "there is none"."""
    return label.strip().casefold() in _MISSING


def shown(name: str) -> str:
    """Return a name in quotes, with its characters spelled out where it is not plain ASCII."""
    return f"{name!r}" if repr(name) == ascii(name) else f"{name!r} ({name!a})"


def _as_written(name: str) -> str:
    """Return a name, NFC, as it was before other programs wrote it in their way.

    As a part of HTML or of an address, or its UTF-8 taken for another encoding, perhaps twice.
    """
    plain = html.unescape(unicodedata.normalize("NFC", name))
    with contextlib.suppress(UnicodeError):
        plain = unquote(plain, errors="strict")
    while (earlier := _decoded(plain)) != plain:
        plain = earlier
    return unicodedata.normalize("NFC", plain)


def _decoded(name: str) -> str:
    """Return a name whose UTF-8 was taken for another encoding, any other as it is."""
    if not name.isascii():
        for code in _OTHER_CODES:
            with contextlib.suppress(UnicodeError):
                return name.encode(code).decode("utf-8")
    return name


def _has_no_width(c: str) -> bool:
    is_format = unicodedata.category(c) in ("Cc", "Cf") and not c.isspace()
    return is_format or c in _UNSEEN
