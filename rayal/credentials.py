"""Passwords and tokens in addresses: found before they are kept, left out of what is shown.

In an address a user may be a token too, so that both count. Imports nothing of rayal.
"""

from __future__ import annotations

import re

HIDDEN = "***"

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]+:[/\\]+[^\s'\"<>]*", re.IGNORECASE)
# A path on a disk, which may hold an @.
_ON_DISK = re.compile(r"(file|sqlite):(/{3}|/(?!/))", re.IGNORECASE)
# What stands before the host: up to the last @ that no slash comes before. A password may hold a ?
# or # that should have been percent-encoded.
_USER = re.compile(r"(:[/\\]+)(?:[^/\\?#]+|[^/\\?#:]*:[^/\\]*)(@|%40)", re.IGNORECASE)
_SECRET = re.compile(
    r"((?:[?&;#]|%3F|%26|/)[\w.-]*(?:token|passw(?:or)?d|passphrase|\bpass\b|pwd|secret|signature"
    r"|(?:api|access|account|private|shared)[_-]?key|credential|\bjwt|\bsig|\bauth)[\w.-]*"
    r"(?:=|%3D))[^&;#/\\]+",
    re.IGNORECASE,
)


def names_credentials(text: str) -> bool:
    """Whether a text holds an address with a user, a password or a token."""
    return without_credentials(text) != text


def without_credentials(text: str) -> str:
    """Return a text with *** in the place of users, passwords and tokens in its addresses."""
    return _ADDRESS.sub(lambda found: _hidden(found[0]), text)


def _hidden(address: str) -> str:
    shown = _SECRET.sub(rf"\1{HIDDEN}", address)
    return shown if _ON_DISK.match(address) else _USER.sub(rf"\1{HIDDEN}\2", shown, count=1)


def text_to_keep(text: str, longest: int) -> str:
    """Return what a component said as text that can be kept: bounded, in UTF-8, without secrets.

    longest: characters; of a longer text the beginning, and how much is left out.
    """
    text = without_credentials(text)
    if len(text) > longest:
        text = f"{text[:longest]}... ({len(text) - longest} more characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
