"""Compressed images whose end was never written: decoders fill what is missing with gray.

Where a copy or a download is interrupted that had made room for all of its file, the rest is zeros.
A file that is cut short is told by its decoder; one of full length is not.
"""

from __future__ import annotations

import re
from pathlib import Path

_LOOKED_AT = 64  # zeros at the end of compressed data are no data
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in no data of a JPEG
_END, _ALONE = 0xD9, (0x01, 0xD8)  # the end of an image; markers without a segment


def is_unfilled(path: Path, kind: str) -> bool:
    """Whether a file ends in zeros that stand in the place of its image.

    Args:
        path: of the file.
        kind: Pillow's name of its format; JPEG and WebP are looked at.
    """
    if kind not in ("JPEG", "MPO", "WEBP"):
        return False
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LOOKED_AT))
        if any(file.read()):
            return False
        file.seek(0)
        if kind == "WEBP":  # whose length stands in it; what comes after is no part of it
            return int.from_bytes(file.read(8)[4:], "little") + 8 > size - _LOOKED_AT
        return not _has_end(file.read())


def _has_end(content: bytes) -> bool:
    """Whether a JPEG's own end is there; that of a preview stands within a segment."""
    at = 0
    while marker := _MARKER.search(content, at):
        kind, at = marker.group()[1], marker.end()
        if kind == _END:
            return True
        if kind not in _ALONE:
            at += int.from_bytes(content[at : at + 2], "big")
    return False
