"""Words that sentences of the report and of the evidence share."""

from __future__ import annotations

from collections.abc import Iterable


def enumerated(words: Iterable[object]) -> str:
    """Return what is named in a sentence: "a, b and c"; at least one."""
    *others, last = map(str, words)
    return f"{', '.join(others)} and {last}" if others else last
