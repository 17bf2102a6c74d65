"""Names of data in names of files, which a disk limits to 255 bytes; marks of our own folders."""

from __future__ import annotations

RUN_MARK = ".rayal"  # a file: what lies beside it is a run's
PROJECT_MARK = ".rayal-labels"  # a file: what lies beside it is a labeling project's
MOST_BYTES = 120  # leaves room for a key, an ending and what a temporary file adds


def shortened(name: str) -> str:
    """Return what fits of a name that people read; a key beside it has to tell files apart."""
    return name.encode("utf-8", "surrogateescape")[:MOST_BYTES].decode("utf-8", "ignore")
