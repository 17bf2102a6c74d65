"""A list of images: a CSV, Parquet or JSON-lines file with a column of paths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rayal.datasets._files.csv_table import first_lines, read_csv
from rayal.datasets._files.split_names import split_of
from rayal.hints import nearest
from rayal.labeling.errors import LabelingError

SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}  # fmt: skip
PATH_COLUMNS = ("path", "filepath", "file_path", "image", "image_path", "file", "filename")
_SHOWN = 8  # names of columns in a message


@dataclass(frozen=True)
class Listed:
    """One row: a path, and the group and label where there are such columns, else ""."""

    path: str
    group: str = ""
    label: str = ""
    split: str = ""


def is_table(path: Path) -> bool:
    """Whether a file is a list by its suffix."""
    return path.suffix.lower() in SUFFIXES


def choose_columns(path: Path, requested: Mapping[str, str | None]) -> dict[str, str]:
    """Return use -> column for path, group, label and split, those asked for checked.

    Without a column of paths asked for, the one of PATH_COLUMNS that the file has is taken.

    Raises:
        LabelingError: the file cannot be read, lacks a column, or has several for the path.
    """
    has = _columns(path)
    chosen = {use: name for use, name in requested.items() if name is not None}
    for use, name in chosen.items():
        if name not in has:
            shown = ", ".join(has[:_SHOWN]) or "nothing"
            raise LabelingError(
                f"{path} has no column '{name}' for the {use}{nearest(name, has)}; it has {shown}"
            )
    if "path" not in chosen:
        fitting = [name for name in PATH_COLUMNS if name in has]
        if len(fitting) != 1:
            what = f"several columns of paths ({', '.join(fitting)})" if fitting else "no column of"
            raise LabelingError(
                f"{path} has {what if fitting else what + ' paths'}: name it, --path-column NAME; "
                f"it has {', '.join(has[:_SHOWN]) or 'nothing'}"
            )
        chosen["path"] = fitting[0]
    return chosen


def read_list(path: Path, columns: Mapping[str, str]) -> list[Listed]:
    """Return the rows of a list.

    Raises:
        LabelingError: the file cannot be read, a path is empty, or a split is none.
    """
    rows = []
    for place, row in _rows(path, list(columns.values())):
        cells = {use: row[name].strip() for use, name in columns.items()}
        if not cells["path"]:
            raise LabelingError(f"{place}: the column '{columns['path']}' is empty; fill it")
        if cells.get("split") and not split_of(cells["split"]):
            raise LabelingError(f"{place}: the split is '{cells['split']}': write train, val, test")
        if "split" in cells:
            cells["split"] = split_of(cells["split"])
        rows.append(Listed(**cells))
    if not rows:
        raise LabelingError(f"{path} lists no image")
    return rows


def _columns(path: Path) -> list[str]:
    try:
        match SUFFIXES[path.suffix.lower()]:
            case "parquet":
                import pyarrow.parquet as pq

                return list(pq.read_schema(path).names)
            case "jsonl":
                first = next(iter(_json_rows(path)), None)
                return [] if first is None else list(first[1])
            case _:
                return list(dict.fromkeys(name for cells in first_lines(path) for name in cells))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _rows(path: Path, wanted: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row stands, and its wanted cells as text."""
    try:
        match SUFFIXES[path.suffix.lower()]:
            case "parquet":
                import pyarrow.parquet as pq

                read = pq.read_table(path, columns=list(wanted)).to_pylist()
                for number, row in enumerate(read, start=1):
                    yield f"{path}, row {number}", {name: _text(row[name]) for name in wanted}
            case "jsonl":
                for place, row in _json_rows(path):
                    yield place, {name: _text(row.get(name)) for name in wanted}
            case _:
                table = read_csv(path, wanted)
                for record in table.records:
                    place = f"{path}, line {record.line}"
                    yield place, {name: record.cells[at] for name, at in table.position.items()}
    except LabelingError:
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict):
                raise LabelingError(f"{path}, line {number} is no object with named values")
            yield f"{path}, line {number}", row


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _unreadable(path: Path, error: Exception) -> LabelingError:
    message = str(error)
    return LabelingError(message if str(path) in message else f"{path} cannot be read: {message}")
