"""Labels that name several classes at once, such as "effusion; mass", where each names one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

SEPARATORS = ";|"
_JOINTS = ("+", "/", "&", " and ")  # which stand in names of one class, too
_LIST = re.compile(r"""\[\s*(?P<quote>['"])(?P<first>.*?)(?P=quote)\s*,.*\]""")


def parts_of(name: str) -> list[str]:
    """Return what stands between the separators of a name, without what is empty."""
    parts = (part.strip() for part in re.split(f"[{SEPARATORS}]", name))
    return [part for part in parts if part]


def compound_name(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first name that is made of others and a part of it; None where there is none.

    A name is taken to be made of others where a part of it is a name as well, or where each of its
    parts is part of another one: "a; b" beside "a", or beside "b; c" and "a; c". A class may have
    a separator in its own name: "benign|nevus" beside "benign|keratosis" is none of others. A comma
    stands in names too ("nevus, atypical"): between commas each part has to be a name. A list of
    several, as Python writes it ("['a', 'b']"), is no name.
    """
    distinct = sorted(set(names))
    for name in distinct:
        if several := _LIST.fullmatch(name):
            return name, several["first"]
        parts = [part.strip() for part in name.split(",")]
        if len(parts) > 1 and set(parts) <= set(distinct):
            return name, parts[0]
    compound = {name: parts for name in distinct if len(parts := parts_of(name)) > 1}
    counts = Counter(part for parts in compound.values() for part in set(parts))
    for name, parts in compound.items():
        own = [part for part in parts if part in distinct]
        if own or all(counts[part] > 1 for part in parts):
            return name, (own or parts)[0]
    return None


def joined_names(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return names that are others joined, as "a + b" beside "a" and "b", with their parts."""
    distinct = set(names)
    parted = ((name, _parts(name, joint)) for name in sorted(distinct) for joint in _JOINTS)
    return [(name, parts) for name, parts in parted if len(parts) > 1 and set(parts) <= distinct]


def _parts(name: str, joint: str) -> list[str]:
    return [part.strip() for part in name.split(joint)]
