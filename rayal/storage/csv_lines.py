"""CSV whose lines end in a line feed alone, and whose cells may hold any character."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV.

    Python's writer quotes a carriage return where lines end in one, and no sooner: unquoted, the
    name of a file that has one is two rows to every reader.
    """
    lines = _Lines()
    csv.writer(lines).writerows(rows)
    return "".join(lines)


class _Lines(list[str]):
    """Takes each line that a writer makes."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")
