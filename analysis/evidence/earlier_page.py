"""An earlier page of evidence: what of it no runs at hand can make again."""

from __future__ import annotations

import re
from collections.abc import Iterator

NOTE = "As the earlier page had it, for the runs read here have no trials of this."


def section(page: str, heading: str) -> Iterator[str]:
    """Yield the lines of a section of an earlier page, with a note; nothing where it has none.

    Args:
        page: the text of the page; "" without one.
        heading: the section's, with its marks.
    """
    _, found, after = f"\n{page}".partition(f"\n{heading}\n")
    if found:
        body, *_ = after.replace(f"{NOTE}\n\n", "").partition("\n## ")
        yield from (heading, "", NOTE, "", *body.strip().splitlines(), "")


def records_of(page: str) -> str:
    """Say which sweeps and how many trials an earlier page was written from, itself or before."""
    return ", and ".join(re.findall(r"from the records of .+?: [\d,]+ trials", page))
