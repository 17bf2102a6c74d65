"""A table with a column of 0 and 1 for each class, as data of several classes an image come."""

from __future__ import annotations

from pathlib import Path

from rayal.labeling.exchange.label_table import COLUMNS
from rayal.labeling.exchange.tool import Import, Returned, Sheet, tool
from rayal.labeling.spreadsheet import column_names, plain_cells, returned_rows

_VALUES = {"0": False, "1": True, "0.0": False, "1.0": True}
# Columns of tables that rayal writes, none of which is a class.
_OWN = frozenset({
    "purpose", "reason", "represents", "nearest_labeled", "predicted", "confidence", "round",
    "bytes", "width", "height", "mode", "mtime_ns", "duplicate_of", "ctime_ns",
})  # fmt: skip


@tool("class-columns")
class ClassColumns:
    """Nothing out; `path` or `rayal_id` and a column for each class back, empty where unlabeled."""

    def write(self, sheet: Sheet) -> str:
        return ""

    def recognizes(self, path: Path) -> bool:
        names = set(column_names(path))
        if "label" in names or "lead_time" in names or not names & {"rayal_id", "path"}:
            return False
        return bool(_columns(list(returned_rows(path)))[0])

    def read(self, path: Path) -> Import:
        rows = list(returned_rows(path))
        classes, others = _columns(rows)
        export = Import("csv", class_columns=tuple(classes), other_columns=others)
        for line, row in rows:
            _add(export, f"{path.name}, line {line}", row, classes)
        return export


def _columns(rows: list[tuple[int, dict[str, str]]]) -> tuple[list[str], dict[str, str]]:
    """Return the columns of 0 and 1, and the others, each with a place that has something else."""
    classes, others = [], {}
    names = [n for n in rows[0][1] if n] if rows else []
    for name in names:
        if name in (*COLUMNS, *_OWN):
            continue
        cells = [(line, (row[name] or "").strip()) for line, row in rows]
        foreign = next(((line, cell) for line, cell in cells if cell and cell not in _VALUES), None)
        if foreign:
            others[name] = f"line {foreign[0]} has {foreign[1]!r}"
        elif any(cell for _, cell in cells):
            classes.append(name)
        else:
            others[name] = "all of its cells are empty"
    return classes, others


def _add(export: Import, place: str, row: dict[str, str], classes: list[str]) -> None:
    cells = plain_cells(row)
    empty = [name for name in classes if not cells[name]]
    if None in row:
        export.refused.append(f"{place} has more cells than the first line")
    elif empty and len(empty) < len(classes):
        export.refused.append(
            f"{place} has nothing for {empty[0]!r}, and something for other classes: write 0 or 1 "
            "for all of them, or nothing for an image without labels"
        )
    else:
        named = tuple(name for name in classes if _VALUES.get(cells[name]))
        export.returned.append(
            Returned(
                place,
                cells.get("rayal_id", ""),
                cells.get("path", ""),
                "withdraw" if empty else "label",
                by=cells.get("annotator", ""),
                classes=None if empty else named,
            )
        )
