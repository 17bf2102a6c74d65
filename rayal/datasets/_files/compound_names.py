"""Labels that name several classes at once, such as "effusion; mass", where each names one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

SEPARATORS = ";|"


def parts_of(name: str) -> list[str]:
    """Return what stands between the separators of a name, without what is empty."""
    parts = (part.strip() for part in re.split(f"[{SEPARATORS}]", name))
    return [part for part in parts if part]


def compound_name(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first name that is made of others and a part of it; None where there is none.

    A name is taken to be made of others where a part of it is a name as well, or where each of its
    parts is part of another one: "a; b" beside "a", or beside "b; c" and "a; c". A class may have
    a separator in its own name: "benign|nevus" beside "benign|keratosis" is none of others.
    """
    distinct = sorted(set(names))
    compound = {name: parts for name in distinct if len(parts := parts_of(name)) > 1}
    counts = Counter(part for parts in compound.values() for part in set(parts))
    for name, parts in compound.items():
        own = [part for part in parts if part in distinct]
        if own or all(counts[part] > 1 for part in parts):
            return name, (own or parts)[0]
    return None
