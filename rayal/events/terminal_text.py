"""Names and messages as a terminal may show them: nothing steers it, no password is in them."""

from __future__ import annotations

import re

from rayal.credentials import without_credentials

# Controls but tab and newline, marks that turn the direction of text, separators of lines that no
# terminal shows, marks without width, and what is no character.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060"
    "\u2066-\u2069\ud800-\udfff\ufeff]"
)


def terminal_text(text: str) -> str:
    r"""Return a text in which what steers a terminal stands as \x1b, \u202e and the like.

    Passwords and tokens of addresses are left out.
    """
    shown = without_credentials(text)
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), shown)
