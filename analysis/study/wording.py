"""Words that sentences of the report and of the evidence share."""

from __future__ import annotations

from collections.abc import Iterable


def enumerated(words: Iterable[object]) -> str:
    """Return what is named in a sentence: "a, b and c"; at least one."""
    *others, last = map(str, words)
    return f"{', '.join(others)} and {last}" if others else last


def spanned(counts: Iterable[int]) -> str:
    """Return what counts lie between: "5 to 100", or "5" where all are the same; at least one."""
    distinct = sorted(set(counts))
    low, high = (f"{count:,}" for count in (distinct[0], distinct[-1]))
    return low if low == high else f"{low} to {high}"
