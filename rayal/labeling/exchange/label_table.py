"""labels.csv: a table to fill in by hand, in a spreadsheet or by a script."""

from __future__ import annotations

import csv
from pathlib import Path

from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.tool import Import, Returned, Sheet, tool
from rayal.labeling.spreadsheet import plain, write_csv

FILE = "labels.csv"
COLUMNS = ("rank", "path", "label", "annotator", "comment", "group", "rayal_id")
NOT_USABLE = "not usable"  # a label that says that there is none


@tool("labels.csv")
class LabelTable:
    """A table out, the same filled in back."""

    def write(self, sheet: Sheet) -> str:
        rows = [{**vars(entry), "label": ""} for entry in sheet.entries]
        write_csv(sheet.root / FILE, COLUMNS, rows)
        return (
            f"by hand: fill in the column 'label' of {sheet.root / FILE} ('{NOT_USABLE}' for an "
            "image that has no class)"
        )

    def recognizes(self, path: Path) -> bool:
        names = set(_names(path))
        return "label" in names and bool(names & {"rayal_id", "path"}) and "lead_time" not in names

    def read(self, path: Path) -> Import:
        found = Import("csv")
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, dialect=_dialect(path), strict=True)
                for row in reader:
                    _add(found, f"{path.name}, line {reader.line_num}", row)
        except (OSError, ValueError, csv.Error) as error:
            raise LabelingError(
                f"{path} cannot be read as CSV in UTF-8 ({error}); save it again"
            ) from error
        return found


def _add(found: Import, place: str, row: dict[str, str]) -> None:
    cells = {name: plain(name, (cell or "").strip()) for name, cell in row.items() if name}
    if None in row:
        found.refused.append(f"{place} has more cells than the first line")
        return
    label = cells.get("label", "")
    action = "label" if label else "withdraw"
    if label.casefold() == NOT_USABLE:
        action = "not_usable"
    found.returned.append(
        Returned(
            place,
            cells.get("rayal_id", ""),
            cells.get("path", ""),
            action,  # type: ignore[arg-type]  # one of the actions above
            label if action == "label" else None,
            cells.get("annotator", ""),
        )
    )


def _names(path: Path) -> list[str]:
    if not path.is_file() or path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file, dialect=_dialect(path)), [])
    except (OSError, ValueError, csv.Error):
        return []


def _dialect(path: Path) -> type[csv.Dialect]:
    """Spreadsheets of some countries save semicolons, or tabs."""
    first = path.open(encoding="utf-8-sig", newline="").readline()
    mark = max((",", ";", "\t"), key=first.count)

    class Dialect(csv.excel):
        delimiter = mark

    return Dialect
