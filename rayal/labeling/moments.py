"""Times as tools write them, ISO 8601 with or without fractions and zone: which came first."""

from __future__ import annotations

import datetime
import re

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def is_before(one: str, other: str, slack: float = 0) -> bool:
    """Whether a time is more than so many seconds before another; not where one is no time."""
    first, second = _seconds(one), _seconds(other)
    return first is not None and second is not None and first + slack < second


def _seconds(text: str) -> float | None:
    """Return the seconds since 1970, in UTC where no zone is named; None of what is no time."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    day, time, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else f"{zone[:3]}:{zone[-2:]}"
    try:
        moment = datetime.datetime.fromisoformat(f"{day}T{time}{zone}")
    except ValueError:
        return None
    return moment.timestamp() + float(fraction or 0)
