"""An earlier page of evidence: what of it no runs at hand can make again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

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


def check_version(page: str, version: str, kept: pd.DataFrame) -> None:
    """Refuse to go on with rows of `auto` that chose by the rule of another version.

    Args:
        page: the text of the earlier page; "" without one.
        version: that of the rule now.
        kept: the rows of `auto` that would stay.

    Raises:
        ValueError: the page is of another version, and rows of `auto` would stay.
    """
    found = re.match(r"# Evidence, version (\S+)", page)
    if found and found[1] != version and len(kept):
        raise ValueError(
            f"the earlier page is version {found[1]} of the evidence, and this is version "
            f"{version}, in which auto may choose by another rule: {len(kept)} rows of auto in the "
            "earlier table cannot stand beside these runs; run these cells again, or remove the "
            "rows (and write this version into the page's first line if its rule is the same there)"
        )


def records_of(page: str) -> str:
    """Say which sweeps and how many trials an earlier page was written from, itself or before."""
    return ", and ".join(re.findall(r"from the records of .+?: [\d,]+ trials", page))
